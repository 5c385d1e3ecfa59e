"""GroupDRO: the risk of the domain that has the largest."""

import torch
from mmengine.dist import all_reduce
from mmpretrain.registry import MODELS
from torch import Tensor, nn

from .domain_outputs import DomainOutputs, by_domain


@MODELS.register_module()
class GroupDRO(nn.Module):
    """Weighs each domain's risk, and the more the larger it has been.

    Sagawa et al. (https://arxiv.org/abs/1911.08731), algorithm 1: the weights
    ``q`` are multiplied by ``exp(eta * risk)`` each training step and made to
    sum to 1. They are a buffer, so that a run that is resumed has them.

    Args:
        num_domains (int): Of the data set, those that are left out included.
        eta (float): > 0. Defaults to 0.01, DomainBed's.
    """

    def __init__(self, num_domains: int, eta: float = 0.01) -> None:
        super().__init__()
        self.eta = eta
        self.register_buffer('weights', torch.ones(num_domains))

    def forward(self, outputs: DomainOutputs) -> Tensor:
        """What makes the mean of the losses the weighted one when added, a scalar."""
        groups = by_domain(outputs.losses, outputs.domains)
        risks = torch.stack([losses.mean() for losses in groups.values()])
        if self.training:
            self._update(list(groups), risks.detach().float())
        weights = torch.stack([self.weights[domain] for domain in groups])
        return (weights / weights.sum() * risks).sum() - outputs.losses.mean()

    def _update(self, domains: list[int], risks: Tensor) -> None:
        # The same weights in all processes.
        all_reduce(risks, 'mean')
        weights = torch.stack([self.weights[domain] for domain in domains])
        weights = weights * (self.eta * risks).exp()
        for domain, weight in zip(domains, weights / weights.sum(), strict=True):
            self.weights[domain] = weight
