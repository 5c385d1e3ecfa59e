"""Run a Runner inside another without side effects on the outer one."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from mmengine.runner import Runner
from mmengine.utils import ManagerMixin

from .reproducibility import random_state, set_random_state


@contextmanager
def isolated() -> Iterator[None]:
    """Restore the random generators and mmengine's current instances.

    A Runner reseeds the global generators, and its logger, message hub,
    visualizer and scope become the current ones. The block restores all of
    them, so that a Runner inside it has no effect afterwards.
    """
    instances = {kind: kind._instance_dict.copy() for kind in _managers(ManagerMixin)}
    state = random_state()
    try:
        yield
    finally:
        set_random_state(state)
        for manager in _managers(ManagerMixin):
            before = instances.get(manager, {})
            for instance in set(manager._instance_dict.values()) - set(before.values()):
                for handler in getattr(instance, 'handlers', ()):
                    if isinstance(handler, logging.FileHandler):
                        handler.close()
            manager._instance_dict.clear()
            manager._instance_dict.update(before)


def stop_workers(runner: Runner) -> None:
    """End the data loading processes of a runner.

    Persistent workers live as long as their loader. A hook that keeps the
    runner would keep them alive during the outer run.

    Args:
        runner (Runner): A runner that has finished.
    """
    for loop in (runner._train_loop, runner._val_loop):
        loader = getattr(loop, 'dataloader', None)
        workers = getattr(loader, '_iterator', None)
        if workers is not None and hasattr(workers, '_shutdown_workers'):
            workers._shutdown_workers()
            loader._iterator = None


def _managers(cls: type) -> Iterator[type]:
    for subclass in cls.__subclasses__():
        yield subclass
        yield from _managers(subclass)
