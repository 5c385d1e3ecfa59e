"""The mode of a network's layers, training or eval; for all rooms, with or without an mm stack."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import nn


@contextmanager
def evaluating(model: 'nn.Module') -> Iterator['nn.Module']:
    """Put a network into eval mode; afterwards each layer is in the mode it was in.

    Not ``train(True)`` afterwards: layers that stay in eval mode on purpose,
    such as frozen BatchNorms, would be switched on.

    Args:
        model (nn.Module): The network.

    Yields:
        nn.Module: The same.
    """
    modes = {module: module.training for module in model.modules()}
    try:
        model.eval()
        yield model
    finally:
        for module, mode in modes.items():
            module.training = mode
