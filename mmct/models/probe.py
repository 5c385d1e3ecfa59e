"""A copy of a network for trying things out."""

import copy
from collections import OrderedDict

from torch import nn


def probe(model: nn.Module) -> nn.Module:
    """Copy a network in eval mode and float64, without its forward hooks.

    In float64 the rounding of two ways to compute one thing is far below any
    real difference, whatever the device's fast float32 or autocast does.

    Args:
        model (nn.Module): The network; it is not changed.

    Returns:
        nn.Module: The copy. Hooks of others must not see what it computes.
    """
    hooks = {
        id(kept): OrderedDict()
        for module in model.modules()
        for kept in (module._forward_hooks, module._forward_pre_hooks)
    }
    twin = copy.deepcopy(model, hooks).double()
    # eval() last: LeViT's keeps tensors that double() does not convert. And on
    # its own: a backbone's returns nothing.
    twin.eval()
    return twin
