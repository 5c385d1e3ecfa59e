"""Clip gradients by the size of the weights they change."""

from typing import Any

import torch
from mmengine.hooks import Hook
from mmengine.optim import OptimWrapperDict
from mmengine.runner import Runner
from mmpretrain.registry import HOOKS
from torch import Tensor
from torch.optim import Optimizer

from mmct.messages import is_positive, require
from mmct.runs.building import is_simulated
from mmct.runs.errors import CTError
from mmct.runs.ranks import unwrapped

# Lower bound of a unit's weight norm, without which weights that start at 0 could not learn.
_SMALLEST = 1e-3


@HOOKS.register_module()
class AdaptiveClippingHook(Hook):
    """Clips the gradient of each unit to a fraction of the norm of its weights.

    This is adaptive gradient clipping for networks without BN, from "High-performance large-scale
    image recognition without normalization" (Brock et al., 2021,
    https://arxiv.org/abs/2102.06171, section 4.1). A unit is the set of weights that computes one
    output: a filter of a convolution, or a row of a matrix. Of biases and scales each element is a
    unit; the authors' code takes such a vector as one. As in the paper, the head is not clipped.

    Args:
        clipping (float): Largest ratio of gradient norm to weight norm, above 0. Defaults to 0.01.

    Raises:
        ValueError: If ``clipping`` is not positive.
    """

    def __init__(self, clipping: float = 0.01) -> None:
        rule = 'AdaptiveClippingHook: clipping must be positive'
        require(is_positive(clipping), rule, clipping)
        self.clipping = clipping

    def before_train(self, runner: Runner) -> None:
        """Register the clipping, which runs just before each step of the optimizer.

        Args:
            runner (Runner): The runner of the training.

        Raises:
            CTError: If the run has several optimizers.
        """
        if is_simulated(runner):
            return
        if isinstance(runner.optim_wrapper, OptimWrapperDict):
            raise CTError('AdaptiveClippingHook needs a config with a single optimizer')
        model = unwrapped(runner)
        head = {id(p) for p in model.head.parameters()} if model.with_head else set()
        clipped = [p for p in model.parameters() if id(p) not in head and p.requires_grad]

        def clip(optimizer: Optimizer, *_: Any) -> None:
            # Gradients that AMP has scaled are unscaled by now, except for a fused optimizer,
            # which does it itself and has the scale.
            scale = getattr(optimizer, 'grad_scale', None)
            clip_by_weights(clipped, self.clipping * (1.0 if scale is None else scale))

        runner.optim_wrapper.optimizer.register_step_pre_hook(clip)


@torch.no_grad()
def clip_by_weights(parameters: list[Tensor], clipping: float | Tensor) -> None:
    """Clip gradients in place, unit by unit.

    Args:
        parameters (list[Tensor]): Parameters of shape ``(units, ...)``. Those without a gradient
            are skipped.
        clipping (float | Tensor): Largest ratio of the norm of a unit's gradient to that of its
            weights.
    """
    for parameter in parameters:
        if parameter.grad is None:
            continue
        most = clipping * _unit_norms(parameter).clamp(min=_SMALLEST)
        found = _unit_norms(parameter.grad).clamp(min=1e-12)
        # Multiply instead of branching, which would make the host wait for a value.
        parameter.grad.mul_((most / found).clamp(max=1.0))


def _unit_norms(values: Tensor) -> Tensor:
    """Return the norm of each unit in a shape that broadcasts; a vector has one per element."""
    if values.dim() <= 1:
        return values.abs()
    others = tuple(range(1, values.dim()))
    return torch.linalg.vector_norm(values, dim=others, keepdim=True)
