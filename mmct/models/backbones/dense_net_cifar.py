"""DenseNet-BC for 32x32 images."""

from mmpretrain.models.backbones import DenseNet
from mmpretrain.registry import MODELS
from torch import nn

from .he_init import HE


@MODELS.register_module()
class DenseNetCIFAR(DenseNet):
    """DenseNet-BC with the stem and the three blocks of its CIFAR version.

    "Densely Connected Convolutional Networks", https://arxiv.org/abs/1608.06993,
    section 3 and table 2: bottleneck layers (B), transitions that halve the
    channels (C), one 3x3 convolution to ``2 * growth_rate`` channels as stem.
    With depth 100, growth rate 12 and 10 classes it has 0.8 M parameters.

    Args:
        depth (int): Layers in all: ``6 n + 4``. Defaults to 100.
        growth_rate (int): Channels that a layer adds. Defaults to 12.
        in_channels (int): Channels of the images. Defaults to 3.
        init_cfg (list | dict, optional): Defaults to He's initialisation.
        **kwargs: As for mmpretrain's ``DenseNet``, without ``arch``.

    Raises:
        ValueError: If there is no network of this depth.
    """

    def __init__(
        self,
        depth: int = 100,
        growth_rate: int = 12,
        in_channels: int = 3,
        init_cfg: list | dict | None = HE,
        **kwargs,
    ) -> None:
        layers, rest = divmod(depth - 4, 6)
        if rest or layers < 1:
            raise ValueError(f'DenseNetCIFAR: depth must be 6 n + 4, n >= 1, but got {depth}')
        channels = 2 * growth_rate
        super().__init__(
            dict(growth_rate=growth_rate, depths=[layers] * 3, init_channels=channels),
            in_channels=in_channels,
            init_cfg=init_cfg,
            **kwargs,
        )
        # Without pooling, and without BN: the first layer begins with its own.
        self.stem = nn.Conv2d(in_channels, channels, 3, padding=1, bias=False)
