"""The all-convolutional network of the robustness literature."""

from mmpretrain.models.backbones.base_backbone import BaseBackbone
from mmpretrain.registry import MODELS
from torch import Tensor, nn

from .he_init import HE


class _QuickGELU(nn.Module):
    """``x * sigmoid(1.702 x)``, the GELU of AugMix's code."""

    def forward(self, x: Tensor) -> Tensor:
        return x * (1.702 * x).sigmoid()


@MODELS.register_module()
class AllConvNet(BaseBackbone):
    """AllConvNet with BatchNorm and GELU, as AugMix evaluates it.

    From "Striving for Simplicity", https://arxiv.org/abs/1412.6806, in the form of
    AugMix's code (https://github.com/google-research/augmix): nine
    convolutions with BN and GELU, two max poolings with dropout. The 1x1
    convolutions pad, so that the last average is over 8x8 of 10x10 places.
    With 96 channels and 10 classes it has 1.4 M parameters.

    Args:
        base_channels (int): Width of the first three convolutions; the others
            have twice as many. Defaults to 96.
        drop_rate (float): Of the dropouts after the poolings. Defaults to 0.5.
        in_channels (int): Channels of the images. Defaults to 3.
        init_cfg (list | dict, optional): Defaults to He's initialisation.

    Raises:
        ValueError: If there is no channel, or the drop rate is not in [0, 1).
    """

    def __init__(
        self,
        base_channels: int = 96,
        drop_rate: float = 0.5,
        in_channels: int = 3,
        init_cfg: list | dict | None = HE,
    ) -> None:
        super().__init__(init_cfg)
        if base_channels < 1:
            raise ValueError(f'AllConvNet: base_channels must be positive, got {base_channels}')
        if not 0 <= drop_rate < 1:
            raise ValueError(f'AllConvNet: drop_rate must be in [0, 1), got {drop_rate}')
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
        """Features of images.

        Args:
            x (Tensor): Images of 32x32, shape ``(N, 3, 32, 32)``.

        Returns:
            tuple[Tensor]: Of shape ``(N, 2 * base_channels, 1, 1)``.
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
