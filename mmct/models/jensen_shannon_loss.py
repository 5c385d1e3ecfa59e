"""The loss of AugMix: right on the clean image, and the same on all views."""

import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from mmpretrain.registry import MODELS
from torch import Tensor, nn


def jensen_shannon(logits: Sequence[Tensor]) -> Tensor:
    """The Jensen-Shannon divergence of what is predicted for several views.

    Mean over views of ``KL(p_v || M)``, with M the mean of the p_v: AugMix
    (https://arxiv.org/abs/1912.02781), section 3.

    Args:
        logits (Sequence[Tensor]): Of each view, shape ``(N, num_classes)``.

    Returns:
        Tensor: Mean over samples, a scalar in [0, log V].
    """
    # Half precision has too few digits for a sum of small probabilities.
    log_p = torch.stack([F.log_softmax(view.float(), dim=-1) for view in logits])
    log_m = log_p.logsumexp(0) - math.log(len(log_p))  # (N, num_classes)
    divergence = F.kl_div(log_m.expand_as(log_p), log_p, reduction='sum', log_target=True)
    return divergence / log_p.shape[:2].numel()


@MODELS.register_module()
class JensenShannonLoss(nn.Module):
    """A head's loss on the clean view, and one that asks all views for the same.

    AugMix, https://arxiv.org/abs/1912.02781, equation 1. The images come in V
    views (:class:`mmct.datasets.AugMix`), the clean ones first; of one view
    it is the head's own loss.

    Args:
        loss (dict, optional): The head's own loss, on the clean view. None is
            ``dict(type='CrossEntropyLoss')``. Defaults to None.
        jsd_weight (float): Of the divergence, >= 0. Defaults to 12.0, AugMix's.

    Raises:
        ValueError: If ``jsd_weight`` is negative.
    """

    def __init__(self, loss: dict | None = None, jsd_weight: float = 12.0) -> None:
        super().__init__()
        if not jsd_weight >= 0:
            raise ValueError(f'JensenShannonLoss: jsd_weight must be >= 0, but got {jsd_weight!r}')
        self.loss = MODELS.build(loss or dict(type='mmpretrain.CrossEntropyLoss'))
        self.jsd_weight = jsd_weight

    def forward(
        self, cls_score: Tensor, label: Tensor, avg_factor: int | None = None, **kwargs
    ) -> Tensor:
        """The sum of both.

        Args:
            cls_score (Tensor): Logits, shape ``(V * N, num_classes)``.
            label (Tensor): Of the N images, as the head's own loss takes it.
            avg_factor (int, optional): Taken and ignored: heads count the
                views. Defaults to None.
            **kwargs: For the head's own loss.

        Returns:
            Tensor: A scalar.
        """
        views = cls_score.split(len(label))
        loss = self.loss(views[0], label, avg_factor=len(label), **kwargs)
        return loss if len(views) == 1 else loss + self.jsd_weight * jensen_shannon(views)
