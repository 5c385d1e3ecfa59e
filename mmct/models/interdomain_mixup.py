"""Mixup of images from different domains."""

from collections.abc import Sequence

import torch
from mmpretrain.models import ImageClassifier
from mmpretrain.registry import MODELS
from mmpretrain.structures import DataSample
from torch import Tensor

from .domain_checks import domains_of, require_cross_entropy


def pairs(domains: Sequence[int], alpha: float) -> tuple[list[int], list[float]]:
    """With which image of another domain each is mixed, and how much it keeps.

    Args:
        domains (Sequence[int]): The number of each of N images' domain.
        alpha (float): Both parameters of the Beta distribution, > 0.

    Returns:
        tuple[list[int], list[float]]: The row of the other image, of the next domain
        in a random circle, and the own share, from 0 to 1 and one for each domain; N of
        each.
    """
    present = sorted(set(domains))
    circle = [present[place] for place in torch.randperm(len(present)).tolist()]
    drawn = torch.distributions.Beta(alpha, alpha).sample((len(circle),)).tolist()
    members = {d: [row for row, other in enumerate(domains) if other == d] for d in present}
    rows, shares = [0] * len(domains), [0.0] * len(domains)
    for domain, following, share in zip(circle, circle[1:] + circle[:1], drawn, strict=True):
        for number, row in enumerate(members[domain]):
            rows[row] = members[following][number % len(members[following])]
            shares[row] = share
    return rows, shares


@MODELS.register_module()
class InterdomainMixup(ImageClassifier):
    """An ``ImageClassifier`` that learns from mixtures of two domains' images.

    Mixup (https://arxiv.org/abs/1710.09412) between domains (Yan et al.,
    https://arxiv.org/abs/2001.00677), as in DomainBed: each step the domains of the
    batch are put into a random circle, the images of each are mixed with those of
    the next, and so are the losses of their classes. Prediction and export are those
    of ``ImageClassifier``.

    Args:
        *args: As for ``ImageClassifier``.
        alpha (float): Both parameters of the Beta distribution that an image's share
            is drawn from, once a step for each domain; > 0. Defaults to 0.2,
            DomainBed's.
        **kwargs: As for ``ImageClassifier``.

    Raises:
        ValueError: If ``alpha`` is not above 0, or the head's loss is not a
            cross-entropy of one class an image; in training, if data samples have no
            ``domain``.
    """

    def __init__(self, *args, alpha: float = 0.2, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        if not alpha > 0:
            raise ValueError(f'InterdomainMixup: alpha must be above 0, but got {alpha!r}')
        self.alpha = alpha
        require_cross_entropy(self.head, 'InterdomainMixup')

    def loss(self, inputs: Tensor, data_samples: list[DataSample]) -> dict[str, Tensor]:
        """The loss of mixed images.

        Args:
            inputs (Tensor): Preprocessed images, (N, C, H, W).
            data_samples (list[DataSample]): Their classes, and ``domain`` of each.

        Returns:
            dict[str, Tensor]: ``loss``.
        """
        rows, shares = pairs(domains_of(data_samples, 'InterdomainMixup'), self.alpha)
        other = torch.tensor(rows, device=inputs.device)  # (N,)
        share = torch.tensor(shares, device=inputs.device)  # (N,)
        part = share.to(inputs.dtype)[:, None, None, None]
        logits = self.head(self.extract_feat(part * inputs + (1 - part) * inputs[other]))
        labels = torch.cat([sample.gt_label for sample in data_samples])
        own, others = (
            self.head.loss_module(logits, target, reduction_override='none')
            for target in (labels, labels[other])
        )
        return dict(loss=(share * own + (1 - share) * others).mean())
