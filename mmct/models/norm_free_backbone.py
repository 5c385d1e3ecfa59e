"""Any backbone of mmpretrain without its BatchNorm."""

from mmpretrain.registry import MODELS
from torch import nn

from .batch_norm_removal import remove_batch_norm


@MODELS.register_module(name='NormFreeBackbone')
def norm_free_backbone(backbone: dict) -> nn.Module:
    """Build a backbone and remove its BatchNorm.

    ``backbone=dict(type='NormFreeBackbone', backbone=dict(type='ResNet', ...))``
    gives the inner backbone itself, with ``init='identity'`` (see
    :func:`remove_batch_norm`). It is a function, not a wrapper, so that the
    state-dict keys and attributes are those of the backbone. Weights are
    initialised or loaded later: folding and calibrating come after that
    (see :class:`mmct.engine.NoBNTrainingHook`).

    Args:
        backbone (dict): Config of the backbone to build.

    Returns:
        nn.Module: The backbone, BN-free.

    Raises:
        ValueError: If the backbone has no BatchNorm.
    """
    return remove_batch_norm(MODELS.build(backbone))
