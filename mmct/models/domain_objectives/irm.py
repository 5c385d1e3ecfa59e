"""IRM: one classifier that is best for each domain at once."""

import torch
import torch.nn.functional as F
from mmengine.logging import MessageHub
from mmpretrain.registry import MODELS
from torch import Tensor, nn

from .domain_outputs import DomainOutputs, by_domain


def irm_penalty(logits: Tensor, labels: Tensor) -> Tensor:
    """Squared gradient of a domain's risk by a factor on the logits, at 1.

    IRMv1 (https://arxiv.org/abs/1907.02893, equation IRMv1), estimated without
    bias from two halves of the batch: the product of their gradients (its
    appendix D). In closed form, as the risk is the cross-entropy: the gradient
    is the mean of ``sum over classes of (p - y) z``.

    Args:
        logits (Tensor): Of one domain, (n, num_classes), n > 1.
        labels (Tensor): int64 (n,).

    Returns:
        Tensor: A scalar; as a product of two estimates it may be negative.
    """
    logits = logits.float()
    wrong = logits.softmax(-1) - F.one_hot(labels, logits.shape[-1])
    gradients = (wrong * logits).sum(-1)  # (n,)
    return gradients[::2].mean() * gradients[1::2].mean()


@MODELS.register_module()
class IRM(nn.Module):
    """The mean of :func:`irm_penalty` over domains.

    DomainBed also starts Adam afresh when the weight rises; this does not.

    Args:
        weight (float): After ``anneal_iters``, >= 0. Defaults to 100.0.
        anneal_iters (int): Steps with weight 1 before. Defaults to 500.
    """

    def __init__(self, weight: float = 100.0, anneal_iters: int = 500) -> None:
        super().__init__()
        self.weight = weight
        self.anneal_iters = anneal_iters

    def forward(self, outputs: DomainOutputs) -> Tensor:
        """What is added to the task loss, a scalar."""
        labels = by_domain(outputs.labels, outputs.domains)
        penalties = [
            irm_penalty(logits, labels[domain])
            for domain, logits in by_domain(outputs.logits, outputs.domains).items()
        ]
        step = MessageHub.get_current_instance().get_info('iter', 0)
        weight = self.weight if step >= self.anneal_iters else 1.0
        return weight * torch.stack(penalties).mean()
