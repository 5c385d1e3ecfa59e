"""BatchNorm's statistics, estimated anew on images of the cell that is scored."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from mmct.modes import evaluating
from mmct.runs.errors import CTError

from .images import CellSource
from .predictor import Predictor


def batch_norms(model: nn.Module) -> list[nn.Module]:
    """List the BatchNorms whose statistics can be estimated anew: those that keep some."""
    return [
        module
        for module in model.modules()
        if isinstance(module, _BatchNorm) and module.track_running_stats
    ]


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
    layers = batch_norms(model)
    if not layers:
        raise ValueError('the network has no BatchNorm whose statistics could be estimated anew')
    momenta = [layer.momentum for layer in layers]
    try:
        with evaluating(model):
            for layer in layers:
                layer.reset_running_stats()
                layer.momentum = None  # torch's sign for the mean over batches
                layer.training = True
            for batch in batches:
                model(batch)
    finally:
        for layer, momentum in zip(layers, momenta, strict=True):
            layer.momentum = momentum
    return model


@contextmanager
def restored_buffers(model: nn.Module) -> Iterator[None]:
    """Restore a network's buffers, such as BatchNorm's statistics, after the block.

    Args:
        model (nn.Module): The network.
    """
    kept = {name: buffer.clone() for name, buffer in model.named_buffers()}
    try:
        yield
    finally:
        for name, buffer in model.named_buffers():
            buffer.copy_(kept[name])


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
        source (CellSource): Has the images.
        num_batches (int): How many batches.
        batch_size (int): Images per batch.
        cell (int): Number of the cell.

    Raises:
        CTError: If there is no BatchNorm, or an image cannot be read.
    """

    def batches() -> Iterator[Tensor]:
        for positions in drawn_batches(source.num_images, num_batches, batch_size):
            images = np.concatenate([source.read(cell, slice(p, p + 1)) for p in positions])
            yield predict.inputs(torch.from_numpy(images))

    try:
        reestimate_batch_norm(predict.module, batches())
    except (OSError, ValueError) as error:
        raise CTError(f'--recalibrate-bn: {" ".join(str(error).split())}') from error


def drawn_batches(num_images: int, num_batches: int, batch_size: int) -> list[list[int]]:
    """Draw positions of images, the same ones in each cell and process.

    At random, as many test sets lie class by class.

    Args:
        num_images (int): Of the cell.
        num_batches (int): At most so many batches.
        batch_size (int): Images per batch; a smaller set is one batch.

    Returns:
        list[list[int]]: Whole batches, without repetition.
    """
    order = np.random.default_rng(0).permutation(num_images).tolist()
    count = max(1, min(num_batches, num_images // batch_size))
    return [order[n * batch_size : (n + 1) * batch_size] for n in range(count)]
