"""Train classifiers on several domains, with an added objective or with inter-domain Mixup."""

from collections.abc import Sequence

import torch
from mmpretrain.models import ImageClassifier
from mmpretrain.models.losses import CrossEntropyLoss
from mmpretrain.registry import MODELS
from mmpretrain.structures import DataSample
from torch import Tensor, nn

from mmct.messages import is_positive, require
from mmct.models.forward_pass import run

from .domain_objectives import DomainOutputs, by_domain


def domains_of(data_samples: Sequence[DataSample], owner: str) -> list[int]:
    """List the domain number of each image.

    Args:
        data_samples (Sequence[DataSample]): The annotations of the images.
        owner (str): The class that needs the domains, for the message.

    Returns:
        list[int]: One number per image.

    Raises:
        ValueError: If an annotation has no domain.
    """
    if any('domain' not in sample for sample in data_samples):
        raise ValueError(
            f"{owner}: images come without their domain: use a MultiDomain data set, and "
            "add 'domain' to the meta_keys of PackInputs"
        )
    return [sample.domain for sample in data_samples]


def require_cross_entropy(head: nn.Module, owner: str) -> None:
    """Check that a head's loss is a cross-entropy of one class per image.

    Args:
        head (nn.Module): The head of a classifier.
        owner (str): The class that needs this loss, for the message.

    Raises:
        ValueError: If the head has another loss.
    """
    loss = getattr(head, 'loss_module', None)
    if type(loss) is not CrossEntropyLoss:
        raise ValueError(
            f'{owner} needs a head whose loss is a CrossEntropyLoss, but got {type(head).__name__}'
        )
    for setting in ('use_soft', 'use_sigmoid'):
        if getattr(loss, setting):
            raise ValueError(
                f'{owner} needs one class per image, but the loss of the head has {setting}=True: '
                'leave it out, or --method mixup or cutmix, which sets it'
            )


def extract_apart(
    model: ImageClassifier, inputs: Tensor, domains: Sequence[int], stage: str
) -> tuple[Tensor, ...]:
    """Pass the images of each domain through a network separately.

    BatchNorm in training mode then normalises each domain with its own statistics, and updates
    the running statistics once per domain.

    Args:
        model (ImageClassifier): The network.
        inputs (Tensor): Preprocessed images, (N, C, H, W).
        domains (Sequence[int]): The domain number of each image.
        stage (str): 'backbone' or 'neck', see ``ImageClassifier.extract_feat``.

    Returns:
        tuple[Tensor]: The outputs of the stage for all images, in their order, (N, ...) each.
    """
    passed = [
        model.extract_feat(images, stage=stage) for images in by_domain(inputs, domains).values()
    ]
    # Python's sort is stable, as by_domain is.
    order = sorted(range(len(domains)), key=domains.__getitem__)
    back = torch.tensor(sorted(range(len(order)), key=order.__getitem__), device=inputs.device)
    return tuple(torch.cat(outputs)[back] for outputs in zip(*passed, strict=True))


@MODELS.register_module()
class DomainClassifier(ImageClassifier):
    """An ``ImageClassifier`` with an added objective over domains.

    CT is compared with these classifiers under DomainBed's protocol.
    Prediction and export are those of ``ImageClassifier``.

    Args:
        *args: Arguments of ``ImageClassifier``.
        objective (dict): Config of :class:`CORAL`, :class:`MMD`, :class:`IRM`,
            :class:`VREx` or :class:`GroupDRO`.
        domains_apart (bool, optional): Whether each domain passes through the
            backbone separately rather than all in one batch; this matters
            for BatchNorm in training mode. Defaults to None: DomainBed's
            choice for the objective.
        **kwargs: Arguments of ``ImageClassifier``.

    Raises:
        ValueError: If the head's loss is not a cross-entropy of one class per
            image; in training, if data samples have no ``domain``.
        CTError: In training, if the objective needs more images of a domain.
    """

    def __init__(
        self, *args, objective: dict, domains_apart: bool | None = None, **kwargs
    ) -> None:
        super().__init__(*args, **kwargs)
        self.objective = MODELS.build(objective)
        self.domains_apart = self.objective.apart if domains_apart is None else domains_apart
        require_cross_entropy(self.head, 'DomainClassifier')

    def loss(self, inputs: Tensor, data_samples: list[DataSample]) -> dict[str, Tensor]:
        """Compute the task loss and the loss of the objective.

        Args:
            inputs (Tensor): Preprocessed images, (N, C, H, W).
            data_samples (list[DataSample]): The annotations, each with class and ``domain``.

        Returns:
            dict[str, Tensor]: The head's entries and the weighted ``loss_domains``.
        """
        domains = domains_of(data_samples, 'DomainClassifier')
        if self.domains_apart:
            stages = extract_apart(self, inputs, domains, 'backbone')
        else:
            stages = self.extract_feat(inputs, stage='backbone')
        passed = run(self, stages, lambda feats: self.head.loss(feats, data_samples))
        labels = torch.cat([sample.gt_label for sample in data_samples])
        outputs = DomainOutputs(
            passed.pre_logits,
            passed.logits,
            labels,
            self.head.loss_module(passed.logits, labels, reduction_override='none'),
            domains,
        )
        return {**passed.result, 'loss_domains': self.objective(outputs)}


def pairs(domains: Sequence[int], alpha: float) -> tuple[list[int], list[float]]:
    """Draw for each image a partner from another domain, and the image's share in the mix.

    Args:
        domains (Sequence[int]): The domain numbers of N images.
        alpha (float): Both parameters of the Beta distribution, > 0.

    Returns:
        tuple[list[int], list[float]]: For each of the N images, the row of its partner, which
        comes from the next domain in a random circle, and the image's own share in [0, 1],
        which all images of a domain have in common.
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
    """An ``ImageClassifier`` that learns from mixed images of two domains.

    This is Mixup (https://arxiv.org/abs/1710.09412) between domains (Yan et al.,
    https://arxiv.org/abs/2001.00677), as in DomainBed. In each step the domains of the
    batch form a random circle. The images of each domain are mixed with those of the
    next, and so are the losses of their classes. Prediction and export are those of
    ``ImageClassifier``.

    Args:
        *args: Arguments of ``ImageClassifier``.
        alpha (float): Both parameters of the Beta distribution of an image's share, > 0;
            a share is drawn once per step and domain. Defaults to 0.2, as in DomainBed.
        domains_apart (bool): Whether the mixed images of each domain pass through the
            backbone separately, as in DomainBed, rather than all in one batch; this
            matters for BatchNorm in training mode. Defaults to True.
        **kwargs: Arguments of ``ImageClassifier``.

    Raises:
        ValueError: If ``alpha`` is not above 0, or the head's loss is not a
            cross-entropy of one class per image; in training, if data samples have no
            ``domain``.
    """

    def __init__(
        self, *args, alpha: float = 0.2, domains_apart: bool = True, **kwargs
    ) -> None:
        super().__init__(*args, **kwargs)
        require(is_positive(alpha), 'InterdomainMixup: alpha must be above 0', alpha)
        self.alpha = alpha
        self.domains_apart = domains_apart
        require_cross_entropy(self.head, 'InterdomainMixup')

    def loss(self, inputs: Tensor, data_samples: list[DataSample]) -> dict[str, Tensor]:
        """Compute the loss of mixed images.

        Args:
            inputs (Tensor): Preprocessed images, (N, C, H, W).
            data_samples (list[DataSample]): The annotations, each with class and ``domain``.

        Returns:
            dict[str, Tensor]: The entry ``loss``.
        """
        domains = domains_of(data_samples, 'InterdomainMixup')
        rows, shares = pairs(domains, self.alpha)
        other = torch.tensor(rows, device=inputs.device)  # (N,)
        share = torch.tensor(shares, device=inputs.device)  # (N,)
        part = share.to(inputs.dtype)[:, None, None, None]
        mixed = part * inputs + (1 - part) * inputs[other]
        if self.domains_apart:
            features = extract_apart(self, mixed, domains, 'neck')
        else:
            features = self.extract_feat(mixed)
        logits = self.head(features)
        labels = torch.cat([sample.gt_label for sample in data_samples])
        own, others = (
            self.head.loss_module(logits, target, reduction_override='none')
            for target in (labels, labels[other])
        )
        return dict(loss=(share * own + (1 - share) * others).mean())
