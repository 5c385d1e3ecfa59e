"""BatchNorm that is adapted to the images of each cell."""

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch
from mmpretrain.models import ImageClassifier
from torch import Tensor

from mmct.datasets import CleanImages, CorruptionCells
from mmct.models import reestimate_batch_norm

from ..errors import CTError
from .predictions import Predictor

_SEED = 0


@contextmanager
def own_statistics_afterwards(model: ImageClassifier) -> Iterator[None]:
    """Give a network back the statistics that it has now.

    Args:
        model (ImageClassifier): The network.
    """
    kept = {name: buffer.clone() for name, buffer in model.named_buffers()}
    try:
        yield
    finally:
        for name, buffer in model.named_buffers():
            buffer.copy_(kept[name])


def adapt(
    predict: Predictor,
    source: CorruptionCells | CleanImages,
    cell: int,
    num_batches: int,
    batch_size: int,
) -> None:
    """Re-estimate BatchNorm's statistics on images of a cell, without labels.

    Args:
        predict (Predictor): The network.
        source (CorruptionCells | CleanImages): Has the images.
        cell (int): Number of the cell.
        num_batches (int): How many batches.
        batch_size (int): Images a batch.

    Raises:
        CTError: If there is no BatchNorm, or an image cannot be read.
    """

    def batches() -> Iterator[Tensor]:
        for positions in drawn_batches(source.num_images, num_batches, batch_size):
            images = np.concatenate([source.read(cell, slice(p, p + 1)) for p in positions])
            yield predict.inputs(torch.from_numpy(images))

    try:
        reestimate_batch_norm(predict.model, batches())
    except (OSError, ValueError) as error:
        raise CTError(f'--recalibrate-bn: {" ".join(str(error).split())}') from error


def drawn_batches(num_images: int, num_batches: int, batch_size: int) -> list[list[int]]:
    """Positions of random images, the same ones in each cell and process.

    At random, as many test sets lie class by class.

    Args:
        num_images (int): Of the cell.
        num_batches (int): At most so many batches.
        batch_size (int): Images a batch; a smaller set is one batch.

    Returns:
        list[list[int]]: Whole batches, without repetition.
    """
    order = np.random.default_rng(_SEED).permutation(num_images).tolist()
    count = max(1, min(num_batches, num_images // batch_size))
    return [order[n * batch_size : (n + 1) * batch_size] for n in range(count)]
