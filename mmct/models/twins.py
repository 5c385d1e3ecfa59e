"""Copies of a network: one that runs in its place, one for trying things out."""

import copy
from collections import OrderedDict

from torch import nn

_KINDS = (
    '_forward_hooks',
    '_forward_hooks_with_kwargs',
    '_forward_hooks_always_called',
    '_forward_pre_hooks',
    '_forward_pre_hooks_with_kwargs',
)


def twin(model: nn.Module) -> nn.Module:
    """Copy a network; both share their forward hooks, later ones too.

    Args:
        model (nn.Module): The network.

    Returns:
        nn.Module: The copy.
    """
    # Not copied: a hook may hold anything, a whole Runner.
    return copy.deepcopy(model, {id(hooks): hooks for hooks in _hooks(model)})


def probe(model: nn.Module) -> nn.Module:
    """Copy a network in eval mode and float64, without its forward hooks.

    In float64 the rounding of two ways to compute one thing is far below any
    real difference, whatever the device's fast float32 or autocast does.

    Args:
        model (nn.Module): The network; it is not changed.

    Returns:
        nn.Module: The copy. Hooks of others must not see what it computes.
    """
    none = {id(hooks): OrderedDict() for hooks in _hooks(model)}
    other = copy.deepcopy(model, none).double()
    # eval() last: LeViT's makes tensors that double() does not convert. And on
    # its own: a backbone's returns nothing.
    other.eval()
    return other


def _hooks(model: nn.Module) -> list[OrderedDict]:
    return [getattr(module, kind) for module in model.modules() for kind in _KINDS]
