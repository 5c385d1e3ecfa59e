"""Name the trainings that a CT run consists of."""

from mmengine.runner import Runner
from mmpretrain.registry import HOOKS


def stage(runner: Runner, name: str) -> str:
    """Say which of the run's trainings one is.

    Args:
        runner (Runner): The student's.
        name (str): 'teacher', 'student' or 'baseline'.

    Returns:
        str: Such as ``Stage 1 of 2``; there are three with a ``BaselineHook``.
    """
    stages = ['teacher', 'student']
    if any(isinstance(hook, HOOKS.get('BaselineHook')) for hook in runner.hooks):
        stages.append('baseline')
    return f'Stage {stages.index(name) + 1} of {len(stages)}'
