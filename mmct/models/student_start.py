"""A student with BN that begins as its teacher without."""

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from .evaluating import evaluating


@torch.no_grad()
def start_from_teacher(student: nn.Module, teacher: nn.Module, inputs: Tensor) -> None:
    """Give a BN network the weights of its twin, and what that computes.

    The opposite of folding: with mean and variance of what reaches the
    teacher's layer ``y = weight * x + bias`` on the inputs, the BatchNorm gets
    them as running statistics, ``gamma = weight * sqrt(var + eps)`` and
    ``beta = bias + weight * mean``. In eval mode the student then computes
    what the teacher does on any input, and in training mode what it does on
    these. From a teacher with BN everything is taken as it is.

    "The student starts from the teacher's weights" is our option;
    https://arxiv.org/abs/2207.01548 (abstract) does not say how it starts.

    Args:
        student (nn.Module): The network with BN, changed in place.
        teacher (nn.Module): Its twin, see
            :func:`mmct.models.check_is_copy`; its mode is kept.
        inputs (Tensor): Preprocessed training images, shape ``(N, C, H, W)``.

    Raises:
        ValueError: If a BatchNorm cannot take a scale and shift
            (``affine=False``); the student is then as it was.
    """
    norms = {name: m for name, m in student.named_modules() if isinstance(m, _BatchNorm)}
    twins = {name: module for name, module in teacher.named_modules() if name in norms}
    if any(isinstance(module, _BatchNorm) for module in twins.values()):
        student.load_state_dict(teacher.state_dict())
        return
    fixed = [name for name, norm in norms.items() if not norm.affine]
    if fixed:
        raise ValueError(
            f"the student cannot start from its teacher: {fixed[0]} is a BatchNorm with "
            "affine=False; use student_start='scratch'"
        )
    student.load_state_dict(teacher.state_dict(), strict=False)
    for name, (var, mean) in _statistics(teacher, twins, inputs).items():
        norm, layer = norms[name], twins[name]
        weight = torch.ones_like(mean) if layer.weight is None else layer.weight
        bias = torch.zeros_like(mean) if layer.bias is None else layer.bias
        norm.weight.copy_(weight * (var + norm.eps).sqrt())
        norm.bias.copy_(bias + weight * mean)
        if norm.track_running_stats:
            norm.running_mean.copy_(mean)
            norm.running_var.copy_(var)


def _statistics(
    teacher: nn.Module, layers: dict[str, nn.Module], inputs: Tensor
) -> dict[str, tuple[Tensor, Tensor]]:
    """Variance and mean of each channel before each layer."""
    found: dict[str, tuple[Tensor, Tensor]] = {}

    def measure(name: str):
        def before_forward(layer: nn.Module, args: tuple) -> None:
            others = [d for d in range(args[0].dim()) if d != 1]
            found[name] = torch.var_mean(args[0].float(), dim=others, correction=0)

        return before_forward

    handles = [layer.register_forward_pre_hook(measure(n)) for n, layer in layers.items()]
    try:
        with evaluating(teacher):
            teacher(inputs)
    finally:
        for handle in handles:
            handle.remove()
    return found
