"""BatchNorm's running statistics, estimated anew."""

from collections.abc import Iterable

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from .evaluating import evaluating


@torch.no_grad()
def reestimate_batch_norm(model: nn.Module, batches: Iterable[Tensor]) -> nn.Module:
    """Replace the running statistics by the mean over batches, without labels.

    With test images it is a method of adaptation (Schneider et al., 2020,
    https://arxiv.org/abs/2006.16971; Nado et al., 2020,
    https://arxiv.org/abs/2006.10963): it uses the target domain, which CT does
    not.

    Args:
        model (nn.Module): With BatchNorm, changed in place; its mode is kept.
        batches (Iterable[Tensor]): Preprocessed inputs, each of shape
            ``(N, C, H, W)``.

    Returns:
        nn.Module: The same ``model``.

    Raises:
        ValueError: If it has no BatchNorm with running statistics.
    """
    layers = [
        module
        for module in model.modules()
        if isinstance(module, _BatchNorm) and module.track_running_stats
    ]
    if not layers:
        raise ValueError('the network has no BatchNorm whose statistics could be estimated anew')
    momenta = [layer.momentum for layer in layers]
    with evaluating(model):
        for layer in layers:
            layer.reset_running_stats()
            layer.momentum = None  # torch's sign for the mean over batches
            layer.training = True
        for batch in batches:
            model(batch)
    for layer, momentum in zip(layers, momenta, strict=True):
        layer.momentum = momentum
    return model
