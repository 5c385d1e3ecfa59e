"""A network in eval mode for a while."""

from collections.abc import Iterator
from contextlib import contextmanager

from torch import nn


@contextmanager
def evaluating(model: nn.Module) -> Iterator[nn.Module]:
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
