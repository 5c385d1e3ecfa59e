"""The network that a runner trains."""

from mmengine.model import is_model_wrapper
from mmengine.runner import Runner
from mmpretrain.models import ImageClassifier


def unwrapped(runner: Runner) -> ImageClassifier:
    """The runner's model without its distributed wrapper.

    Args:
        runner (Runner): Any runner.

    Returns:
        ImageClassifier: The model itself.
    """
    return runner.model.module if is_model_wrapper(runner.model) else runner.model
