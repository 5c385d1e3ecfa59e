"""Re-estimate BatchNorm's statistics on images of the cell that is scored."""

from collections.abc import Iterable, Iterator

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from mmct.modes import evaluating
from mmct.runs.errors import CTError, one_line

from .cell_sources import CellSource
from .predictor import Predictor


def batch_norms(model: nn.Module) -> list[nn.Module]:
    """List the BatchNorm layers that keep running statistics, which can be re-estimated."""
    return [
        module
        for module in model.modules()
        if isinstance(module, _BatchNorm) and module.track_running_stats
    ]


@torch.no_grad()
def reestimate_batch_norm(model: nn.Module, batches: Iterable[Tensor]) -> nn.Module:
    """Replace the running statistics by their mean over batches, without labels.

    With test images this is a method of test-time adaptation (Schneider et al.,
    2020, https://arxiv.org/abs/2006.16971; Nado et al., 2020,
    https://arxiv.org/abs/2006.10963). Unlike CT, it uses the target domain.

    Args:
        model (nn.Module): A network with BatchNorm, changed in place; its mode is
            kept.
        batches (Iterable[Tensor]): Preprocessed inputs, each of shape
            ``(N, C, H, W)``.

    Returns:
        nn.Module: The same ``model``.

    Raises:
        ValueError: If the network has no BatchNorm with running statistics.
    """
    layers = batch_norms(model)
    if not layers:
        raise ValueError('the network has no BatchNorm whose statistics could be re-estimated')
    momenta = [layer.momentum for layer in layers]
    try:
        with evaluating(model):
            for layer in layers:
                layer.reset_running_stats()
                layer.momentum = None  # torch then takes the mean over batches
                layer.training = True
            for batch in batches:
                model(batch)
    finally:
        for layer, momentum in zip(layers, momenta, strict=True):
            layer.momentum = momentum
    return model


def adapt(
    predict: Predictor,
    source: CellSource,
    num_batches: int,
    batch_size: int,
    cell: int,
) -> None:
    """Re-estimate BatchNorm's statistics on images of a cell, without labels.

    Args:
        predict (Predictor): The network.
        source (CellSource): The images.
        num_batches (int): Maximum number of batches.
        batch_size (int): Images per batch.
        cell (int): Number of the cell.

    Raises:
        CTError: If the network has no BatchNorm, or an image cannot be read.
    """

    def batches() -> Iterator[Tensor]:
        for positions in drawn_batches(source.num_images, num_batches, batch_size):
            images = np.concatenate([source.read(cell, slice(p, p + 1)) for p in positions])
            yield predict.inputs(torch.from_numpy(images))

    try:
        reestimate_batch_norm(predict.module, batches())
    except (OSError, ValueError) as error:
        raise CTError(f'--recalibrate-bn: {one_line(error)}') from error


def drawn_batches(num_images: int, num_batches: int, batch_size: int) -> list[list[int]]:
    """Draw positions of images, the same in each cell and process.

    The positions are random, as many test sets are sorted by class.

    Args:
        num_images (int): Number of images of the cell.
        num_batches (int): Maximum number of batches.
        batch_size (int): Images per batch; a smaller set forms a single batch.

    Returns:
        list[list[int]]: Full batches of positions, without repetition.
    """
    order = np.random.default_rng(0).permutation(num_images).tolist()
    count = max(1, min(num_batches, num_images // batch_size))
    return [order[n * batch_size : (n + 1) * batch_size] for n in range(count)]
