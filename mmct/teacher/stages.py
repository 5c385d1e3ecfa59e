"""Name the trainings that a CT run consists of."""

from mmengine.runner import Runner
from mmpretrain.registry import HOOKS


def stage(runner: Runner, name: str) -> str:
    """Number a training within its run.

    Args:
        runner (Runner): The student's runner.
        name (str): 'teacher', 'student' or 'baseline'.

    Returns:
        str: A text such as ``Stage 1 of 2``. With a ``BaselineHook`` there are three stages.
    """
    stages = ['teacher', 'student']
    if any(isinstance(hook, HOOKS.get('BaselineHook')) for hook in runner.hooks):
        stages.append('baseline')
    return f'Stage {stages.index(name) + 1} of {len(stages)}'
