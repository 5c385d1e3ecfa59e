"""Gradients that are clipped by the size of the weights they change."""

import torch
from mmengine.hooks import Hook
from mmengine.optim import OptimWrapperDict
from mmengine.runner import Runner
from mmpretrain.registry import HOOKS
from torch import Tensor

from mmct.messages import is_positive, require
from mmct.runs.building import is_simulated
from mmct.runs.errors import CTError
from mmct.runs.ranks import unwrapped

# A unit's weights count as at least as large, so that those that begin at 0 can learn.
_SMALLEST = 1e-3


@HOOKS.register_module()
class AdaptiveClippingHook(Hook):
    """Clip the gradient of each unit to a fraction of the norm of its weights.

    From "High-performance large-scale image recognition without normalization" (Brock et al.,
    2021, https://arxiv.org/abs/2102.06171, section 4.1): for networks without BN. A unit is what
    gives one output, a filter or a row. The head is left alone, as in that paper.

    Args:
        clipping (float): The fraction, above 0. Defaults to 0.01.

    Raises:
        ValueError: If ``clipping`` is not positive.
    """

    def __init__(self, clipping: float = 0.01) -> None:
        rule = 'AdaptiveClippingHook: clipping must be positive'
        require(is_positive(clipping), rule, clipping)
        self.clipping = clipping

    def before_train(self, runner: Runner) -> None:
        """Have gradients clipped just before each step of the optimizer.

        Args:
            runner (Runner): The runner of the training.

        Raises:
            CTError: If it has several optimizers.
        """
        if is_simulated(runner):
            return
        if isinstance(runner.optim_wrapper, OptimWrapperDict):
            raise CTError('AdaptiveClippingHook needs a config with a single optimizer')
        model = unwrapped(runner)
        head = {id(p) for p in model.head.parameters()} if model.with_head else set()
        clipped = [p for p in model.parameters() if id(p) not in head and p.requires_grad]
        # There, and not after the backward pass: then gradients are no longer scaled for AMP.
        runner.optim_wrapper.optimizer.register_step_pre_hook(
            lambda *_: clip_by_weights(clipped, self.clipping)
        )


@torch.no_grad()
def clip_by_weights(parameters: list[Tensor], clipping: float) -> None:
    """Clip gradients in place, unit by unit.

    Args:
        parameters (list[Tensor]): Each of shape ``(units, ...)``; those without a gradient are
            left.
        clipping (float): Largest ratio of the norms of a unit's gradient and its weights.
    """
    for parameter in parameters:
        if parameter.grad is None:
            continue
        most = clipping * _unit_norms(parameter).clamp(min=_SMALLEST)
        found = _unit_norms(parameter.grad).clamp(min=1e-12)
        # A product instead of a choice: no value is waited for.
        parameter.grad.mul_((most / found).clamp(max=1.0))


def _unit_norms(values: Tensor) -> Tensor:
    """Norm of each unit, in the shape that multiplies the values; of a vector one for each."""
    if values.dim() <= 1:
        return values.abs()
    others = tuple(range(1, values.dim()))
    return torch.linalg.vector_norm(values, dim=others, keepdim=True)
