"""CORAL: the same mean and covariance of features in all domains."""

from mmpretrain.registry import MODELS
from torch import Tensor, nn

from .domain_outputs import DomainOutputs, mean_over_pairs


def coral(one: Tensor, other: Tensor) -> Tensor:
    """Squared difference of two sets' means and of their covariances.

    Deep CORAL (https://arxiv.org/abs/1607.01719) with the means, and averages in
    place of sums, as in DomainBed (https://arxiv.org/abs/2007.01434).

    Args:
        one (Tensor): Features, (n, D), n > 1.
        other (Tensor): Features, (m, D), m > 1.

    Returns:
        Tensor: A scalar, >= 0.
    """
    means = (one.mean(0) - other.mean(0)).square().mean()
    return means + (_covariance(one) - _covariance(other)).square().mean()


def _covariance(features: Tensor) -> Tensor:
    centred = features - features.mean(0)
    return centred.T @ centred / (len(features) - 1)  # (D, D)


@MODELS.register_module()
class CORAL(nn.Module):
    """The mean of :func:`coral` over pairs of domains.

    Args:
        weight (float): >= 0. Defaults to 1.0, DomainBed's.
    """

    def __init__(self, weight: float = 1.0) -> None:
        super().__init__()
        self.weight = weight

    def forward(self, outputs: DomainOutputs) -> Tensor:
        """What is added to the task loss, a scalar."""
        return self.weight * mean_over_pairs(coral, outputs.features, outputs.domains)
