"""A frozen network without the work of its affine layers."""

import copy
from collections import Counter
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from .no_norm import NoNorm
from .twins import probe

# Output channels come first in their weights (not so in transposed ones).
LAYERS = (nn.Conv1d, nn.Conv2d, nn.Conv3d, nn.Linear)
# Enough to tell a wrong fold from a right one, few enough to cost nothing.
NUM_IMAGES = 4
# In float64, where a right fold differs by some 1e-15 of the values inside.
TOLERANCE = dict(rtol=1e-7, atol=1e-9)


@torch.no_grad()
def fold_affine(
    model: nn.Module,
    inputs: Tensor,
    forward: Callable[[nn.Module, Tensor], Any] | None = None,
) -> list[str]:
    """Fold each :class:`NoNorm` into the layer before it, in place.

    ``weight * conv(x) + bias`` is one convolution with other weights. Which
    layer comes before is not guessed from names or order: a pass of a copy
    shows which convolution (or linear layer) made the very tensor that a
    NoNorm gets. Layers that are used twice, tensors that were changed in
    between and layers with forward hooks are left alone. Who else reads that
    tensor does not show; therefore a copy with the folds has to give what the
    copy without gave, in float64, or the folds are tried one by one and the
    wrong ones left out.

    For networks that stay in eval mode and whose way through their layers
    does not depend on the input. A bias that a layer gets is a buffer: the
    network's parameters are those it had, less those of the NoNorms.

    The folding of BatchNorm at inference, for CT's affine layers; see
    https://arxiv.org/abs/1712.05877, section 3.2.

    Args:
        model (nn.Module): The network.
        inputs (Tensor): Inputs of any batch, shape ``(N, ...)``; the first
            four are used.
        forward (Callable, optional): Gets a network and inputs and returns
            whatever must not change: nested tensors. Defaults to None, the
            network's call.

    Returns:
        list[str]: The names of the folded NoNorms; each is a ``nn.Identity``
        now.
    """
    forward = forward or (lambda network, x: network(x))
    inputs = inputs[:NUM_IMAGES].double()
    trial = probe(model)
    names = {module: name for name, module in trial.named_modules()}
    pairs = [
        (names[layer], names[norm]) for layer, norm in _pairs(trial, inputs, forward)
    ]
    pairs = [pair for pair in pairs if not any(map(_is_watched, _get(model, pair)))]
    expected = forward(trial, inputs)

    def holds(pairs: list[tuple[str, str]]) -> bool:
        folded = _folded(copy.deepcopy(trial), pairs)
        try:
            torch.testing.assert_close(forward(folded, inputs), expected, **TOLERANCE)
        except (AssertionError, AttributeError, RuntimeError):
            # Other values, or a network that asks its NoNorm for something.
            return False
        return True

    if not holds(pairs):
        candidates, pairs = pairs, []
        for pair in candidates:
            if holds([*pairs, pair]):
                pairs.append(pair)
    _folded(model, pairs)
    return [norm for _, norm in pairs]


def _pairs(
    model: nn.Module, inputs: Tensor, forward: Callable
) -> list[tuple[nn.Module, NoNorm]]:
    """Each NoNorm with the layer that made its input, if both are used once."""
    calls: Counter[nn.Module] = Counter()
    made: dict[int, tuple[nn.Module, Tensor, int]] = {}
    pairs: list[tuple[nn.Module, NoNorm]] = []

    def after_layer(layer: nn.Module, args: tuple, output: Tensor) -> None:
        calls[layer] += 1
        # With the tensor, so that no other one gets its id.
        made[id(output)] = layer, output, output._version

    def before_norm(norm: NoNorm, args: tuple) -> None:
        calls[norm] += 1
        layer, output, version = made.get(id(args[0]), (None, None, None))
        # The version counts changes in place.
        if layer is None or output._version != version:
            return
        # With more dimensions a linear layer's channels are not the NoNorm's.
        if output.dim() == layer.weight.dim():
            pairs.append((layer, norm))

    for module in model.modules():
        # Not one whose weight is computed (weight norm): it would be again.
        if isinstance(module, LAYERS) and 'weight' in module._parameters:
            module.register_forward_hook(after_layer)
        elif isinstance(module, NoNorm):
            module.register_forward_pre_hook(before_norm)
    forward(model, inputs)
    for module in model.modules():
        module._forward_hooks.clear()
        module._forward_pre_hooks.clear()
    feeds = Counter(layer for layer, _ in pairs)
    return [
        (layer, norm)
        for layer, norm in pairs
        if calls[layer] == calls[norm] == feeds[layer] == 1
    ]


def _get(model: nn.Module, names: tuple[str, ...]) -> list[nn.Module]:
    return [model.get_submodule(name) for name in names]


def _is_watched(module: nn.Module) -> bool:
    return bool(module._forward_hooks or module._forward_pre_hooks)


def _folded(model: nn.Module, pairs: list[tuple[str, str]]) -> nn.Module:
    for pair in pairs:
        layer, norm = _get(model, pair)
        if norm.affine:
            _fold(layer, norm)
        for parent in list(model.modules()):
            for name, child in parent._modules.items():
                if child is norm:
                    # The layer's output is a new tensor, as a NoNorm's is:
                    # networks may add to it in place.
                    setattr(parent, name, nn.Identity())
    return model


def _fold(layer: nn.Module, norm: NoNorm) -> None:
    old, bias = layer.weight, layer.bias
    scale, shift = norm.weight.double(), norm.bias.double().clone()  # (C,), (C,)
    weight = old.double() * scale.view(-1, *[1] * (old.dim() - 1))
    # New ones: the old weight may be another layer's too.
    layer.weight = nn.Parameter(weight.to(old.dtype), old.requires_grad)
    if bias is None:
        del layer.bias
        layer.register_buffer('bias', shift.to(old.dtype))
    else:
        shift += bias.double() * scale
        layer.bias = nn.Parameter(shift.to(old.dtype), bias.requires_grad)
