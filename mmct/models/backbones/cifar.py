"""Define the backbones for 32x32 images on which the robustness literature compares methods."""

import torch.nn.functional as F
from mmpretrain.models.backbones import DenseNet, ResNet_CIFAR, ResNeXt
from mmpretrain.models.backbones.base_backbone import BaseBackbone
from mmpretrain.models.backbones.resnet import BasicBlock
from mmpretrain.models.backbones.resnext import Bottleneck
from mmpretrain.registry import MODELS
from torch import Tensor, nn

from mmct.messages import require

HE = [
    dict(type='Kaiming', layer='Conv2d', mode='fan_out', nonlinearity='relu'),
    dict(type='Constant', layer='_BatchNorm', val=1, bias=0),
]
"""He initialisation of convolutions (https://arxiv.org/abs/1502.01852); weight 1 and bias 0 for
BatchNorm."""


class _QuickGELU(nn.Module):
    """The GELU of AugMix's code: ``x * sigmoid(1.702 x)``."""

    def forward(self, x: Tensor) -> Tensor:
        return x * (1.702 * x).sigmoid()


@MODELS.register_module()
class AllConvNet(BaseBackbone):
    """AllConvNet with BatchNorm and GELU, as AugMix evaluates it.

    From "Striving for Simplicity", https://arxiv.org/abs/1412.6806, in the form of
    AugMix's code (https://github.com/google-research/augmix): nine
    convolutions with BN and GELU, and two max poolings with dropout. The 1x1
    convolutions pad, so the last pooling averages 8x8 of 10x10 positions.
    With 96 channels and 10 classes the network has 1.4 M parameters.

    Args:
        base_channels (int): Channels of the first three convolutions; the
            others have twice as many. Defaults to 96.
        drop_rate (float): Dropout rate after the poolings. Defaults to 0.5.
        in_channels (int): Channels of the images. Defaults to 3.
        init_cfg (list | dict, optional): Weight initialisation. Defaults to
            He initialisation.

    Raises:
        ValueError: If ``base_channels`` is below 1 or ``drop_rate`` is not in
            [0, 1).
    """

    def __init__(
        self,
        base_channels: int = 96,
        drop_rate: float = 0.5,
        in_channels: int = 3,
        init_cfg: list | dict | None = HE,
    ) -> None:
        super().__init__(init_cfg)
        require(base_channels >= 1, 'AllConvNet: base_channels must be positive', base_channels)
        require(0 <= drop_rate < 1, 'AllConvNet: drop_rate must be in [0, 1)', drop_rate)
        narrow, wide = base_channels, 2 * base_channels
        self.layers = nn.Sequential(
            _convolution(in_channels, narrow),
            _convolution(narrow, narrow),
            _convolution(narrow, narrow),
            nn.MaxPool2d(2),
            nn.Dropout(drop_rate),
            _convolution(narrow, wide),
            _convolution(wide, wide),
            _convolution(wide, wide),
            nn.MaxPool2d(2),
            nn.Dropout(drop_rate),
            _convolution(wide, wide, padding=0),
            _convolution(wide, wide, kernel_size=1),
            _convolution(wide, wide, kernel_size=1),
            nn.AvgPool2d(8),
        )

    def forward(self, x: Tensor) -> tuple[Tensor]:
        """Extract the features of images.

        Args:
            x (Tensor): Images, shape ``(N, 3, 32, 32)``.

        Returns:
            tuple[Tensor]: One tensor of shape ``(N, 2 * base_channels, 1, 1)``.
        """
        return (self.layers(x),)


def _convolution(
    in_channels: int, out_channels: int, kernel_size: int = 3, padding: int = 1
) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(in_channels, out_channels, kernel_size, padding=padding),
        nn.BatchNorm2d(out_channels),
        _QuickGELU(),
    )


@MODELS.register_module()
class DenseNetCIFAR(DenseNet):
    """DenseNet-BC with the stem and the three blocks of its CIFAR version.

    "Densely Connected Convolutional Networks", https://arxiv.org/abs/1608.06993,
    section 3 and table 2: bottleneck layers (B), transitions that halve the
    channels (C), and as stem one 3x3 convolution to ``2 * growth_rate``
    channels. With depth 100, growth rate 12 and 10 classes the network has
    0.8 M parameters.

    Args:
        depth (int): Total number of layers, ``6 n + 4``. Defaults to 100.
        growth_rate (int): Channels that each layer adds. Defaults to 12.
        in_channels (int): Channels of the images. Defaults to 3.
        init_cfg (list | dict, optional): Weight initialisation. Defaults to
            He initialisation.
        **kwargs: Arguments of mmpretrain's ``DenseNet`` other than ``arch``.

    Raises:
        ValueError: If ``depth`` is not of the form ``6 n + 4``.
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
        fits = layers >= 1 and not rest
        require(fits, 'DenseNetCIFAR: depth must be 6 n + 4, n >= 1', depth)
        channels = 2 * growth_rate
        super().__init__(
            dict(growth_rate=growth_rate, depths=[layers] * 3, init_channels=channels),
            in_channels=in_channels,
            init_cfg=init_cfg,
            **kwargs,
        )
        # No pooling, and no BN: the first layer begins with its own.
        self.stem = nn.Conv2d(in_channels, channels, 3, padding=1, bias=False)


@MODELS.register_module()
class ResNeXtCIFAR(ResNeXt):
    """ResNeXt with the stem and the three stages of its CIFAR version.

    "Aggregated Residual Transformations for Deep Neural Networks",
    https://arxiv.org/abs/1611.05431, section 5.3: a 3x3 stem, then three stages
    of ``(depth - 2) / 9`` bottlenecks. With depth 29, cardinality 4 and base
    width 32, as in AugMix's code, the classifier has the published 6.9 M
    parameters for 100 classes, and 6.8 M for 10 classes.

    Args:
        depth (int): Total number of layers, ``9 n + 2``. Defaults to 29.
        groups (int): The cardinality. Defaults to 4.
        width_per_group (int): Channels per group in the first stage.
            Defaults to 32.
        zero_init_residual (bool): Whether the last BN of each block starts
            with weight 0. Defaults to False.
        **kwargs: Arguments of mmpretrain's ``ResNeXt``.

    Raises:
        ValueError: If ``depth`` is not of the form ``9 n + 2``.
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
        fits = blocks >= 1 and not rest
        require(fits, 'ResNeXtCIFAR: depth must be 9 n + 2, n >= 1', depth)
        self.arch_settings = {depth: (Bottleneck, (blocks,) * 3)}
        stages = dict(num_stages=3, strides=(1, 2, 2), dilations=(1, 1, 1), out_indices=(2,))
        super().__init__(
            depth,
            groups=groups,
            width_per_group=width_per_group,
            zero_init_residual=zero_init_residual,
            **{**stages, **kwargs},
        )

    # mmpretrain's stem for CIFAR ResNets: 3x3, without pooling.
    _make_stem_layer = ResNet_CIFAR._make_stem_layer
    forward = ResNet_CIFAR.forward


@MODELS.register_module()
class ResNetCIFAR(ResNet_CIFAR):
    """ResNet with the stem and the three stages of its CIFAR version.

    "Deep Residual Learning for Image Recognition", https://arxiv.org/abs/1512.03385, section
    4.2: a 3x3 stem, then three stages of ``(depth - 2) / 6`` basic blocks with 16, 32 and 64
    channels. Where the number of channels changes, the shortcut is a 1x1 convolution, as in
    mmpretrain's ResNets; the paper pads with zeros. ResNet-20 has 0.27 M parameters.

    Args:
        depth (int): Total number of layers, ``6 n + 2``. Defaults to 20.
        base_channels (int): Channels of the stem and the first stage. Defaults to 16.
        **kwargs: Arguments of mmpretrain's ``ResNet_CIFAR``.

    Raises:
        ValueError: If ``depth`` is not of the form ``6 n + 2``.
    """

    def __init__(self, depth: int = 20, base_channels: int = 16, **kwargs) -> None:
        blocks, rest = divmod(depth - 2, 6)
        fits = blocks >= 1 and not rest
        require(fits, 'ResNetCIFAR: depth must be 6 n + 2, n >= 1', depth)
        self.arch_settings = {depth: (BasicBlock, (blocks,) * 3)}
        stages = dict(num_stages=3, strides=(1, 2, 2), dilations=(1, 1, 1), out_indices=(2,))
        width = dict(stem_channels=base_channels, base_channels=base_channels)
        super().__init__(depth, **{**stages, **width, **kwargs})


class _Block(nn.Module):
    """A pre-activated residual block: twice BN, ReLU and convolution, with a shortcut."""

    def __init__(self, in_channels: int, out_channels: int, stride: int, drop_rate: float) -> None:
        super().__init__()
        self.norm1 = nn.BatchNorm2d(in_channels)
        self.conv1 = nn.Conv2d(in_channels, out_channels, 3, stride, padding=1, bias=False)
        self.norm2 = nn.BatchNorm2d(out_channels)
        self.conv2 = nn.Conv2d(out_channels, out_channels, 3, padding=1, bias=False)
        self.drop_rate = drop_rate
        self.shortcut = None
        if in_channels != out_channels:
            self.shortcut = nn.Conv2d(in_channels, out_channels, 1, stride, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        active = F.relu(self.norm1(x))
        # Where the number of channels changes, the shortcut takes the activated input.
        around = x if self.shortcut is None else self.shortcut(active)
        out = F.relu(self.norm2(self.conv1(active)))
        out = F.dropout(out, self.drop_rate, self.training)
        return around + self.conv2(out)


@MODELS.register_module()
class WideResNet(BaseBackbone):
    """Pre-activated wide residual network for 32x32 images: WRN-depth-width.

    "Wide Residual Networks", https://arxiv.org/abs/1605.07146, table 1. With 10
    classes WRN-40-2 has 2.2 M parameters and WRN-28-10 has 36.5 M.

    Args:
        depth (int): Total number of convolutions, ``6 n + 4``. Defaults to 40.
        widen_factor (int): The width k: the three stages have ``base_channels``
            times k, 2 k and 4 k channels. Defaults to 2.
        drop_rate (float): Dropout rate inside each block. Defaults to 0.
        base_channels (int): Channels of the stem. Defaults to 16.
        in_channels (int): Channels of the images. Defaults to 3.
        out_indices (tuple[int, ...]): The stages to return, 0 to 2; stage 2 is
            returned after its BN and ReLU. Defaults to (2,).
        init_cfg (list | dict, optional): Weight initialisation. Defaults to
            He initialisation.

    Raises:
        ValueError: If a setting is out of its range.
    """

    def __init__(
        self,
        depth: int = 40,
        widen_factor: int = 2,
        drop_rate: float = 0.0,
        base_channels: int = 16,
        in_channels: int = 3,
        out_indices: tuple[int, ...] = (2,),
        init_cfg: list | dict | None = HE,
    ) -> None:
        super().__init__(init_cfg)
        blocks, rest = divmod(depth - 4, 6)
        for holds, rule, value in (
            (blocks >= 1 and not rest, 'depth must be 6 n + 4, n >= 1', depth),
            (widen_factor >= 1, 'widen_factor must be positive', widen_factor),
            (base_channels >= 1, 'base_channels must be positive', base_channels),
            (0 <= drop_rate < 1, 'drop_rate must be in [0, 1)', drop_rate),
            (set(out_indices) <= {0, 1, 2}, 'out_indices must be of 0, 1, 2', out_indices),
        ):
            require(holds, f'WideResNet: {rule}', value)
        self.out_indices = tuple(out_indices)
        channels = base_channels
        self.stem = nn.Conv2d(in_channels, channels, 3, padding=1, bias=False)
        self.stages = nn.ModuleList()
        for number in range(3):
            width = base_channels * widen_factor * 2**number
            stride = 1 if number == 0 else 2
            stage = [_Block(channels, width, stride, drop_rate)]
            stage += [_Block(width, width, 1, drop_rate) for _ in range(blocks - 1)]
            self.stages.append(nn.Sequential(*stage))
            channels = width
        self.norm = nn.BatchNorm2d(channels)

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        """Extract the features of images.

        Args:
            x (Tensor): Images, shape ``(N, 3, H, W)``.

        Returns:
            tuple[Tensor, ...]: The features of the stages in ``out_indices``;
            those of stage 2 have the shape
            ``(N, 4 * widen_factor * base_channels, H / 4, W / 4)``.
        """
        x = self.stem(x)
        outs = []
        for number, stage in enumerate(self.stages):
            x = stage(x)
            if number == 2:
                x = F.relu(self.norm(x))
            if number in self.out_indices:
                outs.append(x)
        return tuple(outs)
