"""A classifier of images whose domain is known in training."""

import torch
from mmpretrain.models import ImageClassifier
from mmpretrain.registry import MODELS
from mmpretrain.structures import DataSample
from torch import Tensor

from .domain_checks import domains_of, require_cross_entropy
from .domain_objectives.domain_outputs import DomainOutputs
from .forward_pass import run


@MODELS.register_module()
class DomainClassifier(ImageClassifier):
    """An ``ImageClassifier`` that is asked for more than its task over domains.

    What CT is compared with under DomainBed's protocol. Prediction and export
    are those of ``ImageClassifier``.

    Args:
        *args: As for ``ImageClassifier``.
        objective (dict): Config of :class:`CORAL`, :class:`MMD`, :class:`IRM`
            or :class:`GroupDRO`.
        **kwargs: As for ``ImageClassifier``.

    Raises:
        ValueError: If the head's loss is not a cross-entropy of one class an
            image; in training, if data samples have no ``domain``.
    """

    def __init__(self, *args, objective: dict, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        self.objective = MODELS.build(objective)
        require_cross_entropy(self.head, 'DomainClassifier')

    def loss(self, inputs: Tensor, data_samples: list[DataSample]) -> dict[str, Tensor]:
        """The task loss and the objective's.

        Args:
            inputs (Tensor): Preprocessed images, (N, C, H, W).
            data_samples (list[DataSample]): Their classes, and ``domain`` of each.

        Returns:
            dict[str, Tensor]: The head's entries and ``loss_domains`` (weighted).
        """
        domains = domains_of(data_samples, 'DomainClassifier')
        passed = run(
            self,
            self.extract_feat(inputs, stage='backbone'),
            lambda feats: self.head.loss(feats, data_samples),
        )
        labels = torch.cat([sample.gt_label for sample in data_samples])
        outputs = DomainOutputs(
            passed.pre_logits,
            passed.logits,
            labels,
            self.head.loss_module(passed.logits, labels, reduction_override='none'),
            domains,
        )
        return {**passed.result, 'loss_domains': self.objective(outputs)}
