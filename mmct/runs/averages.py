"""Use the averaged weights of a training with an ``EMAHook``, as its checkpoints do."""

from collections.abc import Iterator
from contextlib import contextmanager

from mmengine.hooks import EMAHook
from mmengine.model import BaseAveragedModel
from mmengine.runner import Runner

from .ranks import unwrapped


def averages(runner: Runner) -> list[BaseAveragedModel]:
    """List the averages of a run's network, one for each ``EMAHook``."""
    return [hook.ema_model for hook in runner.hooks if isinstance(hook, EMAHook)]


def restart_averages(runner: Runner) -> None:
    """Let averages begin anew, as they do not fit a network that has just got other weights.

    mmpretrain's ``EMAHook`` goes on from the average in a ``load_from``.

    Args:
        runner (Runner): The runner of the training.
    """
    for average in averages(runner):
        # Then the next update copies the network.
        average.steps.zero_()


@contextmanager
def averaged(runner: Runner) -> Iterator[None]:
    """Give a network its averaged weights within the block, if there are any.

    They are what validation scores and what a checkpoint holds.

    Args:
        runner (Runner): The runner of the training.
    """
    network, found = unwrapped(runner), averages(runner)
    own = {name: value.clone() for name, value in network.state_dict().items()} if found else {}
    for average in found:
        network.load_state_dict(average.module.state_dict())
    try:
        yield
    finally:
        if found:
            network.load_state_dict(own)
