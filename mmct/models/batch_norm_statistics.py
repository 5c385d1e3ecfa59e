"""Start a BN student from its BN-free teacher, with BatchNorm statistics measured there."""

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from .forward_pass import see_inputs
from .no_norm import NoNorm


@torch.no_grad()
def start_from_teacher(student: nn.Module, teacher: nn.Module, inputs: Tensor) -> None:
    """Make a BN student compute what its BN-free teacher computes.

    This is the inverse of folding. For each teacher layer
    ``y = weight * x + bias`` it measures mean and variance of ``x`` on the
    inputs. The student's BatchNorm gets them as running statistics, with
    ``gamma = weight * sqrt(var + eps)`` and ``beta = bias + weight * mean``.
    In eval mode the student then agrees with the teacher on any input, and in
    training mode on these inputs. A teacher with BN is copied as it is.

    Starting from the teacher is our option; the abstract of
    https://arxiv.org/abs/2207.01548 does not say how the student starts.

    Args:
        student (nn.Module): The network with BN, changed in place.
        teacher (nn.Module): The same network except for BN, see
            :func:`mmct.models.check_is_copy`; its mode is kept.
        inputs (Tensor): Preprocessed training images, shape ``(N, C, H, W)``.

    Raises:
        ValueError: If a BatchNorm cannot take a scale and shift (``affine=False`` or
            ``bias=False``), or is not one of torch's; the student is then unchanged.
    """
    norms = {name: m for name, m in student.named_modules() if isinstance(m, _BatchNorm)}
    layers = {name: module for name, module in teacher.named_modules() if name in norms}
    if any(isinstance(module, _BatchNorm) for module in layers.values()):
        student.load_state_dict(teacher.state_dict())
        return
    strange = [
        name
        for name, module in teacher.named_modules()
        if isinstance(module, NoNorm) and name not in norms
    ]
    if strange:
        kind = type(student.get_submodule(strange[0])).__name__
        raise ValueError(
            f'the student cannot start from its teacher: {strange[0]} is a {kind}, which is not '
            "one of torch's BatchNorm layers; use sync_bn='torch' or student_start='scratch'"
        )
    fixed = [name for name, norm in norms.items() if None in (norm.weight, norm.bias)]
    if fixed:
        raise ValueError(
            f'the student cannot start from its teacher: {fixed[0]} is a BatchNorm with '
            "affine=False or bias=False; use student_start='scratch'"
        )
    student.load_state_dict(teacher.state_dict(), strict=False)

    def take_over(name: str, layer: nn.Module, x: Tensor) -> None:
        norm = norms[name]
        others = [d for d in range(x.dim()) if d != 1]
        var, mean = torch.var_mean(x.float(), dim=others, correction=0)  # (C,), (C,)
        weight = torch.ones_like(mean) if layer.weight is None else layer.weight
        bias = torch.zeros_like(mean) if layer.bias is None else layer.bias
        norm.weight.copy_(weight * (var + norm.eps).sqrt())
        norm.bias.copy_(bias + weight * mean)
        if norm.track_running_stats:
            norm.running_mean.copy_(mean)
            norm.running_var.copy_(var)

    see_inputs(teacher, inputs, layers, take_over)
