"""A classifier without BatchNorm: what CT's teacher is."""

from mmpretrain.models import ImageClassifier
from mmpretrain.registry import MODELS

from .batch_norm_removal import remove_batch_norm


@MODELS.register_module()
class NormFreeClassifier(ImageClassifier):
    """An ``ImageClassifier`` whose BatchNorm layers were removed when built.

    In backbone, neck and head, with ``init='identity'`` (see
    :func:`remove_batch_norm`); train it with
    :class:`mmct.engine.NoBNTrainingHook`, which calibrates it first.

    The teacher of "Counterbalancing Teacher",
    https://arxiv.org/abs/2207.01548.

    Args:
        *args: As for ``mmpretrain.models.ImageClassifier``.
        **kwargs: As for ``mmpretrain.models.ImageClassifier``.

    Raises:
        ValueError: If the network has no BatchNorm.
    """

    def __init__(self, *args, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        remove_batch_norm(self)
