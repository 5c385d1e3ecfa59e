"""Wide residual networks."""

import torch.nn.functional as F
from mmpretrain.models.backbones.base_backbone import BaseBackbone
from mmpretrain.registry import MODELS
from torch import Tensor, nn

from .he_init import HE


class _Block(nn.Module):
    """BN, ReLU and convolution, twice, around which the input goes."""

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
        # Where the width changes, the shortcut is of the activated input.
        around = x if self.shortcut is None else self.shortcut(active)
        out = F.relu(self.norm2(self.conv1(active)))
        out = F.dropout(out, self.drop_rate, self.training)
        return around + self.conv2(out)


@MODELS.register_module()
class WideResNet(BaseBackbone):
    """WRN-depth-width, pre-activated, for 32x32 images.

    "Wide Residual Networks", https://arxiv.org/abs/1605.07146, table 1. With 10
    classes WRN-40-2 has 2.2 M and WRN-28-10 36.5 M parameters.

    Args:
        depth (int): Convolutions in all: ``6 n + 4``. Defaults to 40.
        widen_factor (int): The width: stages have ``base_channels`` times 1,
            2 and 4 times this many channels. Defaults to 2.
        drop_rate (float): Of the dropout inside each block. Defaults to 0.
        base_channels (int): Channels of the stem. Defaults to 16.
        in_channels (int): Channels of the images. Defaults to 3.
        out_indices (tuple[int, ...]): The stages that are returned, 0 to 2; the
            last one after its BN and ReLU. Defaults to (2,).
        init_cfg (list | dict, optional): Defaults to He's initialisation.

    Raises:
        ValueError: If there is no such network.
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
        if rest or blocks < 1:
            raise ValueError(f'WideResNet: depth must be 6 n + 4, n >= 1, but got {depth}')
        if widen_factor < 1 or base_channels < 1:
            raise ValueError(
                'WideResNet: widen_factor and base_channels must be positive, got '
                f'{widen_factor} and {base_channels}'
            )
        if not 0 <= drop_rate < 1:
            raise ValueError(f'WideResNet: drop_rate must be in [0, 1), got {drop_rate}')
        if not set(out_indices) <= {0, 1, 2}:
            raise ValueError(f'WideResNet: out_indices must be of 0, 1, 2, got {out_indices}')
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
        """Features of images.

        Args:
            x (Tensor): Images, shape ``(N, 3, H, W)``.

        Returns:
            tuple[Tensor, ...]: Of the stages in ``out_indices``; the last one
            of shape ``(N, 4 * widen_factor * base_channels, H / 4, W / 4)``.
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
