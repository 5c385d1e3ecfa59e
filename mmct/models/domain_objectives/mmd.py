"""MMD: the same distribution of features in all domains."""

from collections.abc import Sequence

import torch
from mmpretrain.registry import MODELS
from torch import Tensor, nn

from .domain_outputs import DomainOutputs, mean_over_pairs

GAMMAS = (0.001, 0.01, 0.1, 1.0, 10.0, 100.0, 1000.0)
"""Of the Gaussian kernels that are summed: DomainBed's."""


def mmd(one: Tensor, other: Tensor, gammas: Sequence[float] = GAMMAS) -> Tensor:
    """Squared maximum mean discrepancy of two sets of features.

    With the kernel ``sum over gamma of exp(-gamma |x - y|^2)``; the biased
    estimate, as in DomainBed (https://arxiv.org/abs/2007.01434). For domain
    generalisation: Li et al., CVPR 2018.

    Args:
        one (Tensor): Features, (n, D).
        other (Tensor): Features, (m, D).
        gammas (Sequence[float]): Each > 0. Defaults to :data:`GAMMAS`.

    Returns:
        Tensor: A scalar, >= 0.
    """

    def kernel(x: Tensor, y: Tensor) -> Tensor:
        # Not cdist, whose gradient is not finite where two points are one.
        squared = (x[:, None] - y[None]).square().sum(-1)  # (n, m)
        return torch.stack([(-gamma * squared).exp() for gamma in gammas]).sum(0).mean()

    return kernel(one, one) + kernel(other, other) - 2 * kernel(one, other)


@MODELS.register_module()
class MMD(nn.Module):
    """The mean of :func:`mmd` over pairs of domains.

    Args:
        weight (float): >= 0. Defaults to 1.0, DomainBed's.
    """

    def __init__(self, weight: float = 1.0) -> None:
        super().__init__()
        self.weight = weight

    def forward(self, outputs: DomainOutputs) -> Tensor:
        """What is added to the task loss, a scalar."""
        return self.weight * mean_over_pairs(mmd, outputs.features, outputs.domains)
