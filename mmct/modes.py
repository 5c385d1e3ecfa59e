"""Use a network and leave it as it was; works with or without an mm stack."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import nn


@contextmanager
def evaluating(model: 'nn.Module') -> Iterator['nn.Module']:
    """Put a network into eval mode and restore the mode of each layer afterwards.

    A plain ``train(True)`` afterwards would also switch layers that stay in
    eval mode on purpose, such as frozen BatchNorms.

    Args:
        model (nn.Module): The network.

    Yields:
        nn.Module: The same ``model``.
    """
    modes = {module: module.training for module in model.modules()}
    try:
        model.eval()
        yield model
    finally:
        for module, mode in modes.items():
            module.training = mode


@contextmanager
def restored_layout(model: 'nn.Module') -> Iterator[None]:
    """Restore the memory format of a network's weights after the block.

    The state of an optimizer has the format that the weights had, and fused optimizers need it.

    Args:
        model (nn.Module): The network.
    """
    from torch.nn.parameter import is_lazy

    # Lazy weights have no shape yet, and parts of expanded ones would be copied to one another.
    weights = (weight for weight in model.parameters() if not is_lazy(weight))
    kept = [
        (tensor, tensor.stride())
        for weight in weights
        for tensor in (weight, weight.grad)
        if tensor is not None and 0 not in tensor.stride()
    ]
    try:
        yield
    finally:
        for tensor, stride in kept:
            if tensor.stride() != stride:
                tensor.data = tensor.new_empty_strided(tensor.shape, stride).copy_(tensor.detach())


@contextmanager
def restored_buffers(model: 'nn.Module') -> Iterator[None]:
    """Restore a network's buffers, such as BatchNorm's statistics, after the block.

    Args:
        model (nn.Module): The network.
    """
    kept = {name: buffer.clone() for name, buffer in model.named_buffers()}
    try:
        yield
    finally:
        for name, buffer in model.named_buffers():
            # Some networks make buffers when they run, or make them anew in another size.
            if name in kept and kept[name].shape == buffer.shape:
                buffer.copy_(kept[name])
