"""ResNeXt for 32x32 images."""

from mmpretrain.models.backbones import ResNet_CIFAR, ResNeXt
from mmpretrain.models.backbones.resnext import Bottleneck
from mmpretrain.registry import MODELS


@MODELS.register_module()
class ResNeXtCIFAR(ResNeXt):
    """ResNeXt with the stem and the three stages of its CIFAR version.

    "Aggregated Residual Transformations for Deep Neural Networks",
    https://arxiv.org/abs/1611.05431, section 5.3: a 3x3 stem, then three stages
    of ``(depth - 2) / 9`` bottlenecks. With depth 29, cardinality 4 and base
    width 32, as AugMix's code has it, the classifier of 100 classes has the
    published 6.9 M parameters; that of 10 classes has 6.8 M.

    Args:
        depth (int): Layers in all: ``9 n + 2``. Defaults to 29.
        groups (int): The cardinality. Defaults to 4.
        width_per_group (int): Channels of a group in the first stage.
            Defaults to 32.
        zero_init_residual (bool): Whether the last BN of each block starts
            with weight 0. Defaults to False.
        **kwargs: As for mmpretrain's ``ResNeXt``.

    Raises:
        ValueError: If there is no network of this depth.
    """

    def __init__(
        self,
        depth: int = 29,
        groups: int = 4,
        width_per_group: int = 32,
        zero_init_residual: bool = False,
        **kwargs,
    ) -> None:
        blocks, rest = divmod(depth - 2, 9)
        if rest or blocks < 1:
            raise ValueError(f'ResNeXtCIFAR: depth must be 9 n + 2, n >= 1, but got {depth}')
        self.arch_settings = {depth: (Bottleneck, (blocks,) * 3)}
        stages = dict(num_stages=3, strides=(1, 2, 2), dilations=(1, 1, 1), out_indices=(2,))
        super().__init__(
            depth,
            groups=groups,
            width_per_group=width_per_group,
            zero_init_residual=zero_init_residual,
            **{**stages, **kwargs},
        )

    # The stem of 3x3 without pooling that mmpretrain has for its CIFAR ResNets.
    _make_stem_layer = ResNet_CIFAR._make_stem_layer
    forward = ResNet_CIFAR.forward
