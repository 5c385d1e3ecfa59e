"""Add objectives over domains to the task loss: CORAL, MMD, IRM, VREx and GroupDRO.

The attribute ``apart`` of a class says whether DomainBed (https://arxiv.org/abs/2007.01434) passes
each domain through the network separately. BatchNorm in training mode then uses separate
statistics.
"""

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import NamedTuple

import torch
import torch.nn.functional as F
from mmengine.dist import all_reduce, get_world_size
from mmengine.logging import MessageHub
from mmpretrain.registry import MODELS
from torch import Tensor, nn

from mmct.messages import is_count, is_positive, is_weight, require
from mmct.runs.errors import CTError


class DomainOutputs(NamedTuple):
    """The outputs of a network for a batch, with the domain of each image.

    Attributes:
        features (Tensor): The inputs of the classifier's last layer, (N, D).
        logits (Tensor): The class logits, (N, num_classes).
        labels (Tensor): The classes, int64 (N,).
        losses (Tensor): The task loss of each image, (N,).
        domains (Sequence[int]): The domain number of each image.
    """

    features: Tensor
    logits: Tensor
    labels: Tensor
    losses: Tensor
    domains: Sequence[int]


def by_domain(values: Tensor, domains: Sequence[int]) -> dict[int, Tensor]:
    """Split rows by domain.

    Args:
        values (Tensor): The rows, (N, ...).
        domains (Sequence[int]): The domain number of each row.

    Returns:
        dict[int, Tensor]: The rows of each domain that occurs, by domain number.
    """
    return {
        domain: values[_rows([row for row, other in enumerate(domains) if other == domain])]
        for domain in sorted(set(domains))
    }


def _rows(rows: list[int]) -> slice | list[int]:
    # DomainSampler takes the domains in turn; a slice then saves a copy of indices to the device.
    step = rows[1] - rows[0] if len(rows) > 1 else 1
    regular = slice(rows[0], rows[-1] + 1, step)
    return regular if list(range(rows[-1] + 1))[regular] == rows else rows


def require_pairs(groups: Mapping[int, Tensor], owner: str) -> None:
    """Refuse a batch with a single image of a domain, which would give NaN.

    Args:
        groups (Mapping[int, Tensor]): The rows of each domain, by domain number.
        owner (str): The objective that needs pairs, for the message.

    Raises:
        CTError: If a domain has one image; the message names the domain and the remedy.
    """
    for domain, rows in groups.items():
        if len(rows) < 2:
            raise CTError(
                f'{owner} needs two images of each domain in a batch, but there is one of domain '
                f'number {domain}: raise train_dataloader.batch_size, and draw equally many '
                "images of each domain with sampler=dict(type='DomainSampler')"
            )


def require_numbers(domains: Sequence[int], num_domains: int, owner: str) -> None:
    """Refuse a domain that is not among those that a method was told of.

    Args:
        domains (Sequence[int]): The domain number of each image.
        num_domains (int): The method's number of domains.
        owner (str): The method, for the message.

    Raises:
        ValueError: If a number is too high.
    """
    rule = f'{owner}: num_domains={num_domains} must be above the number of each domain'
    require(max(domains) < num_domains, rule, max(domains))


def coral(one: Tensor, other: Tensor) -> Tensor:
    """Compute how much the means and covariances of two sets of features differ.

    This is Deep CORAL (https://arxiv.org/abs/1607.01719), extended by the means and
    with averages in place of sums, as in DomainBed (https://arxiv.org/abs/2007.01434).

    Args:
        one (Tensor): Features, (n, D), n > 1.
        other (Tensor): Features, (m, D), m > 1.

    Returns:
        Tensor: A scalar, >= 0.

    Raises:
        ValueError: If the shapes are others.
    """
    _check_features(one, other, least=2)
    means = (one.mean(0) - other.mean(0)).square().mean()
    return means + (_covariance(one) - _covariance(other)).square().mean()


def _check_features(one: Tensor, other: Tensor, least: int) -> None:
    if one.dim() != 2 or other.shape[1:] != one.shape[1:] or min(len(one), len(other)) < least:
        raise ValueError(
            f'features must be (n, D) and (m, D) with at least {least} rows, but got '
            f'{tuple(one.shape)} and {tuple(other.shape)}'
        )


def _covariance(features: Tensor) -> Tensor:
    centred = features - features.mean(0)
    # Autocast would lower the precision of the product.
    with torch.autocast(features.device.type, enabled=False):
        return centred.T @ centred / (len(features) - 1)  # (D, D)


@MODELS.register_module()
class CORAL(nn.Module):
    """The mean of :func:`coral` over pairs of domains.

    Args:
        weight (float): Weight of the objective, >= 0. Defaults to 1.0, as in DomainBed.

    Raises:
        ValueError: If the weight is not a finite number of 0 or more.
        CTError: In training, if a batch has only one image of a domain.
    """

    apart = True
    distance = staticmethod(coral)
    needs_pairs = True

    def __init__(self, weight: float = 1.0) -> None:
        super().__init__()
        rule = f'{type(self).__name__}: weight must be finite and 0 or more'
        require(is_weight(weight), rule, weight)
        self.weight = weight

    def forward(self, outputs: DomainOutputs) -> Tensor:
        """Compute the term that is added to the task loss, a scalar."""
        # Half precision has too few digits for variances.
        groups = by_domain(outputs.features.float(), outputs.domains)
        if self.needs_pairs:
            require_pairs(groups, type(self).__name__)
        pairs = [self.distance(one, other) for one, other in combinations(groups.values(), 2)]
        return self.weight * (torch.stack(pairs).mean() if pairs else outputs.features.sum() * 0)


GAMMAS = (0.001, 0.01, 0.1, 1.0, 10.0, 100.0, 1000.0)
"""The gammas of the Gaussian kernels that are summed, as in DomainBed."""


def mmd(one: Tensor, other: Tensor, gammas: Sequence[float] = GAMMAS) -> Tensor:
    """Estimate the squared maximum mean discrepancy of two sets of features.

    The kernel is ``sum over gamma of exp(-gamma |x - y|^2)``. As in DomainBed
    (https://arxiv.org/abs/2007.01434), the estimate is biased. Li et al., CVPR
    2018, used it for domain generalisation.

    Args:
        one (Tensor): Features, (n, D).
        other (Tensor): Features, (m, D).
        gammas (Sequence[float]): Kernel parameters, each > 0. Defaults to :data:`GAMMAS`.

    Returns:
        Tensor: A scalar, >= 0.

    Raises:
        ValueError: If the shapes are others.
    """
    _check_features(one, other, least=1)

    def kernel(x: Tensor, y: Tensor) -> Tensor:
        # Not cdist, whose gradient is not finite where two points coincide.
        squared = (x[:, None] - y[None]).square().sum(-1)  # (n, m)
        return torch.stack([(-gamma * squared).exp() for gamma in gammas]).sum(0).mean()

    return kernel(one, one) + kernel(other, other) - 2 * kernel(one, other)


@MODELS.register_module()
class MMD(CORAL):
    """The mean of :func:`mmd` over pairs of domains.

    Args:
        weight (float): Weight of the objective, >= 0. Defaults to 1.0, as in DomainBed.
    """

    distance = staticmethod(mmd)
    needs_pairs = False


def irm_penalty(logits: Tensor, labels: Tensor) -> Tensor:
    """Estimate the squared gradient of a domain's risk by a factor on the logits, at 1.

    This is the penalty of IRMv1 (https://arxiv.org/abs/1907.02893, equation
    IRMv1). The product of the gradients of two halves of the batch estimates it
    without bias (appendix D there). The risk is the cross-entropy, whose
    gradient has a closed form: the mean of ``sum over classes of (p - y) z``.

    Args:
        logits (Tensor): The logits of one domain, (n, num_classes), n > 1.
        labels (Tensor): The classes, int64 (n,).

    Returns:
        Tensor: A scalar; it may be negative, as it is a product of two estimates.

    Raises:
        ValueError: If the shapes are others, or the labels are not int64.
    """
    if logits.dim() != 2 or labels.shape != logits.shape[:1] or len(logits) < 2:
        raise ValueError(
            'logits must be (n, num_classes) and labels (n,) with n > 1, but got '
            f'{tuple(logits.shape)} and {tuple(labels.shape)}'
        )
    require(labels.dtype == torch.int64, 'labels must be int64', labels.dtype)
    logits = logits.float()
    wrong = logits.softmax(-1) - F.one_hot(labels, logits.shape[-1])
    gradients = (wrong * logits).sum(-1)  # (n,)
    return gradients[::2].mean() * gradients[1::2].mean()


@MODELS.register_module()
class IRM(nn.Module):
    """The mean of :func:`irm_penalty` over domains.

    DomainBed also resets Adam when the weight rises; this class does not.

    Args:
        weight (float): Weight after ``anneal_iters``, >= 0. Defaults to 100.0.
        anneal_iters (int): Number of first steps with weight 1. Defaults to 500.

    Raises:
        ValueError: If a setting is out of its range.
        CTError: In training, if a batch has only one image of a domain.
    """

    apart = False

    def __init__(self, weight: float = 100.0, anneal_iters: int = 500) -> None:
        super().__init__()
        name = type(self).__name__
        require(is_weight(weight), f'{name}: weight must be finite and 0 or more', weight)
        rule = f'{name}: anneal_iters must be an integer of 0 or more'
        require(is_count(anneal_iters, 0), rule, anneal_iters)
        self.weight = weight
        self.anneal_iters = anneal_iters

    def forward(self, outputs: DomainOutputs) -> Tensor:
        """Compute the term that is added to the task loss, a scalar."""
        step = MessageHub.get_current_instance().get_info('iter', 0)
        weight = self.weight if step >= self.anneal_iters else 1.0
        return weight * self.penalty(outputs)

    def penalty(self, outputs: DomainOutputs) -> Tensor:
        """Compute the penalty of a batch, a scalar."""
        logits, labels = (
            by_domain(values, outputs.domains) for values in (outputs.logits, outputs.labels)
        )
        require_pairs(logits, 'IRM')
        penalties = [irm_penalty(logits[domain], labels[domain]) for domain in logits]
        return torch.stack(penalties).mean()


@MODELS.register_module()
class VREx(IRM):
    """The variance of the domains' risks (https://arxiv.org/abs/2003.00688, V-REx).

    As in DomainBed, the variance is the mean squared deviation from the mean. DomainBed also
    resets the optimizer when the weight rises; this class does not.

    Args:
        weight (float): Weight after ``anneal_iters``, >= 0. Defaults to 10.0.
        anneal_iters (int): Number of first steps with weight 1. Defaults to 500.
    """

    def __init__(self, weight: float = 10.0, anneal_iters: int = 500) -> None:
        super().__init__(weight, anneal_iters)

    def penalty(self, outputs: DomainOutputs) -> Tensor:
        """Compute the variance of a batch, a scalar."""
        groups = by_domain(outputs.losses, outputs.domains)
        return torch.stack([losses.mean() for losses in groups.values()]).var(correction=0)


@MODELS.register_module()
class GroupDRO(nn.Module):
    """A weighted mean of the domains' risks, with larger weights for larger past risks.

    This is algorithm 1 of Sagawa et al. (https://arxiv.org/abs/1911.08731). Each
    training step multiplies the weights ``q`` by ``exp(eta * risk)`` and
    normalises them to sum to 1, here over the domains in the step. A domain's risk
    is the mean over its images in all processes. The weights are a buffer, so a
    resumed run keeps them.

    Args:
        num_domains (int): Number of domains of the data set, including those left out.
        eta (float): Step size of the weights, > 0. Defaults to 0.01, as in DomainBed.

    Raises:
        ValueError: If a setting is out of its range; in training, if the domain of an image is
            not among them.
    """

    apart = True

    def __init__(self, num_domains: int, eta: float = 0.01) -> None:
        super().__init__()
        require(is_count(num_domains), 'GroupDRO: num_domains must be 1 or more', num_domains)
        require(is_positive(eta), 'GroupDRO: eta must be above 0', eta)
        self.eta = eta
        self.register_buffer('weights', torch.ones(num_domains))

    def forward(self, outputs: DomainOutputs) -> Tensor:
        """Compute the term that turns the mean of the losses into the weighted mean, a scalar."""
        losses = outputs.losses
        require_numbers(outputs.domains, len(self.weights), 'GroupDRO')
        domains = torch.tensor(outputs.domains, device=losses.device)  # (N,)
        # The sum of the losses and the number of images, for each domain.
        totals = losses.new_zeros(2, len(self.weights), dtype=torch.float32)
        totals[0].index_add_(0, domains, losses.detach().float())
        totals[1].index_add_(0, domains, torch.ones_like(losses, dtype=torch.float32))
        all_reduce(totals)
        counts = totals[1].clamp(min=1)
        if self.training:
            # Only ratios of weights matter, so a domain that never occurs has no effect.
            weights = self.weights * (self.eta * totals[0] / counts).exp()
            self.weights.copy_(weights / weights.sum())
        weights = self.weights * (totals[1] > 0)
        of_an_image = (weights / weights.sum() / counts)[domains]  # (N,)
        # Processes average their gradients, but the sum over all processes is needed.
        return get_world_size() * (of_an_image * losses).sum() - losses.mean()
