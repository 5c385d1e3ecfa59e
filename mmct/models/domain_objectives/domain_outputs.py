"""What an objective over domains gets to see."""

from collections.abc import Callable, Sequence
from itertools import combinations
from typing import NamedTuple

import torch
from torch import Tensor


class DomainOutputs(NamedTuple):
    """A batch as the network sees it, with the domain of each image.

    Attributes:
        features (Tensor): What the classifier's last layer gets, (N, D).
        logits (Tensor): (N, num_classes).
        labels (Tensor): The classes, int64 (N,).
        losses (Tensor): The task loss of each image, (N,).
        domains (Sequence[int]): The number of each image's domain.
    """

    features: Tensor
    logits: Tensor
    labels: Tensor
    losses: Tensor
    domains: Sequence[int]


def by_domain(values: Tensor, domains: Sequence[int]) -> dict[int, Tensor]:
    """Split rows by domain.

    Args:
        values (Tensor): (N, ...).
        domains (Sequence[int]): N numbers.

    Returns:
        dict[int, Tensor]: The rows of each domain that occurs, by its number.
    """
    return {
        domain: values[_rows([row for row, other in enumerate(domains) if other == domain])]
        for domain in sorted(set(domains))
    }


def _rows(rows: list[int]) -> slice | list[int]:
    # DomainSampler deals in rounds. A slice needs no copy of numbers to the device.
    step = rows[1] - rows[0] if len(rows) > 1 else 1
    regular = slice(rows[0], rows[-1] + 1, step)
    return regular if list(range(rows[-1] + 1))[regular] == rows else rows


def mean_over_pairs(
    distance: Callable[[Tensor, Tensor], Tensor], features: Tensor, domains: Sequence[int]
) -> Tensor:
    """Mean distance of two domains' features.

    Args:
        distance (Callable): Of two sets of features, (n, D) and (m, D).
        features (Tensor): (N, D).
        domains (Sequence[int]): N numbers.

    Returns:
        Tensor: A scalar; 0 where there is but one domain.
    """
    # Half precision has too few digits for variances.
    groups = by_domain(features.float(), domains)
    pairs = [distance(one, other) for one, other in combinations(groups.values(), 2)]
    return torch.stack(pairs).mean() if pairs else features.sum() * 0
