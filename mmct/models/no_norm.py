"""The layer that stands where a BatchNorm was."""

import torch
from mmpretrain.registry import MODELS
from torch import Tensor, nn


@MODELS.register_module()
class NoNorm(nn.Module):
    """A learnable scale and shift per channel, without any statistics.

    ``y = weight * x + bias``, with both broadcast along dimension 1. It takes
    BatchNorm's arguments, so ``norm_cfg=dict(type='NoNorm')`` may replace
    ``norm_cfg=dict(type='BN', ...)`` in any mmpretrain backbone, and its
    parameters bear the names of the BatchNorm's they replace.

    Removing BN for the teacher is the idea of "Counterbalancing Teacher",
    https://arxiv.org/abs/2207.01548. The affine layer is our choice: the
    abstract, all we had, does not say what replaces BN.

    Args:
        num_features (int): Number of channels C.
        eps (float): Added to a variance when the layer is calibrated or
            folded; unused in the forward pass. Defaults to 1e-5.
        momentum (float, optional): Taken and ignored, as there are no
            statistics. Defaults to None.
        affine (bool): Whether to learn ``weight`` and ``bias``. False gives
            the identity. Defaults to True.
        track_running_stats (bool): Taken and ignored. Defaults to False.

    Raises:
        ValueError: If ``num_features`` is not positive.
    """

    # mmcv names a normalisation layer, and so its state-dict keys, by this.
    _abbr_ = 'bn'

    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float | None = None,
        affine: bool = True,
        track_running_stats: bool = False,
    ) -> None:
        super().__init__()
        if num_features <= 0:
            raise ValueError(
                f'NoNorm: num_features must be positive, but got {num_features}'
            )
        self.num_features = num_features
        self.eps = eps
        self.affine = affine
        if affine:
            self.weight = nn.Parameter(torch.ones(num_features))
            self.bias = nn.Parameter(torch.zeros(num_features))
        else:
            self.register_parameter('weight', None)
            self.register_parameter('bias', None)

    def forward(self, x: Tensor) -> Tensor:
        """Scale and shift each channel.

        Args:
            x (Tensor): Features of shape ``(N, C, ...)``.

        Returns:
            Tensor: The same shape and dtype.
        """
        if not self.affine:
            # A new tensor, as BatchNorm gives: networks add to it in place.
            return x.clone()
        shape = (1, -1) + (1,) * (x.dim() - 2)
        # Under autocast x is half precision: keep it so, as BatchNorm does.
        weight = self.weight.to(x.dtype).view(shape)  # (1, C, 1, ...)
        bias = self.bias.to(x.dtype).view(shape)  # (1, C, 1, ...)
        return torch.addcmul(bias, x, weight)

    @torch.no_grad()
    def standardise(self, mean: Tensor, var: Tensor) -> None:
        """Put ``(x - mean) / sqrt(var + eps)`` into the affine map.

        Args:
            mean (Tensor): Shape ``(C,)`` or a scalar.
            var (Tensor): The same.
        """
        self.weight.div_((var + self.eps).sqrt())
        self.bias.sub_(mean * self.weight)

    def extra_repr(self) -> str:
        """The settings that ``print(model)`` shows."""
        return f'{self.num_features}, affine={self.affine}'
