"""Switch a network to eval mode and back; works with or without an mm stack."""

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
