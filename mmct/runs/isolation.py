"""A run inside a run, that leaves no trace in the outer one."""

import logging
import random
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch
from mmengine.runner import Runner
from mmengine.utils import ManagerMixin


@contextmanager
def isolated() -> Iterator[None]:
    """Restore the random generators and mmengine's current instances.

    A Runner reseeds the global generators, and its logger, message hub,
    visualizer and scope become the current ones. After the block all are what
    they were: what follows does not depend on whether a Runner ran inside.
    """
    managers = list(_managers(ManagerMixin))
    instances = {manager: manager._instance_dict.copy() for manager in managers}
    python_state, numpy_state = random.getstate(), np.random.get_state()
    with torch.random.fork_rng(devices=range(torch.cuda.device_count())):
        try:
            yield
        finally:
            random.setstate(python_state)
            np.random.set_state(numpy_state)
            for manager in _managers(ManagerMixin):
                before = instances.get(manager, {})
                _close(set(manager._instance_dict.values()) - set(before.values()))
                manager._instance_dict.clear()
                manager._instance_dict.update(before)


def stop_workers(runner: Runner) -> None:
    """End a runner's data loading processes.

    Persistent workers live as long as their loader, and a hook that keeps the
    runner would keep them through the outer run.

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


def _close(instances: set) -> None:
    for instance in instances:
        for handler in getattr(instance, 'handlers', ()):
            if isinstance(handler, logging.FileHandler):
                handler.close()
