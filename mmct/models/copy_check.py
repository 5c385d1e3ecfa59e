"""Whether one network is another one without BN."""

import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm


def check_is_copy(teacher: nn.Module, student: nn.Module, with_bn: bool = False) -> None:
    """Refuse a teacher that is not the student's network without BN.

    Args:
        teacher (nn.Module): The teacher.
        student (nn.Module): The student.
        with_bn (bool): Whether it may have BatchNorm. Defaults to False.

    Raises:
        ValueError: If the teacher has BatchNorm, or if parameters other than
            those of normalisation layers differ in name or shape.
    """
    expected = _shapes(student)
    found = _shapes(teacher)
    for name, module in teacher.named_modules():
        if isinstance(module, _BatchNorm) and not with_bn:
            raise ValueError(f'the teacher is not BN-free: {name} is a BatchNorm')
    wrong = [name for name, shape in found.items() if expected.get(name) != shape]
    # A folded BatchNorm(affine=False) leaves parameters that it did not have.
    norms = _norm_parameters(student) | _norm_parameters(teacher)
    wrong += expected.keys() - found.keys()
    wrong = sorted(set(wrong) - norms)
    if wrong:
        raise ValueError(
            f"the teacher's network is not the student's: {len(wrong)} parameters "
            f'differ in name or shape, the first is {wrong[0]}'
        )


def _shapes(model: nn.Module) -> dict[str, torch.Size]:
    return {name: p.shape for name, p in model.named_parameters()}


def _norm_parameters(model: nn.Module) -> set[str]:
    return {
        f'{name}.{parameter}'
        for name, module in model.named_modules()
        if hasattr(module, 'num_features') and hasattr(module, 'eps')
        for parameter in ('weight', 'bias')
    }
