"""Predict the images of cells; adapt BatchNorm to a cell before."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, nullcontext
from itertools import islice

import numpy as np
import torch
from mmengine.dist import all_reduce
from mmengine.runner import autocast
from mmpretrain.models import ImageClassifier
from torch import Tensor
from torch.utils.data import DataLoader

from mmct.datasets import CleanImages, CorruptionSet
from mmct.models import class_scores, reestimate_batch_norm
from mmct.runs.errors import CTError

from .cell_images import CellBatches


class Predictor:
    """Run a network over uint8 images; nothing waits for the device within a cell.

    Args:
        model (ImageClassifier): On its device; put into eval mode.
        fp16 (bool): Whether to run in mixed precision. Defaults to False.
        channels_last (bool, optional): Whether inputs and weights are laid out
            as pixels are. None: on CUDA, where convolutions are faster so.
            Defaults to None.
    """

    def __init__(
        self, model: ImageClassifier, fp16: bool = False, channels_last: bool | None = None
    ) -> None:
        self.model = model.eval()
        self.device = next(model.parameters()).device
        self.fp16 = fp16
        self.channels_last = self.device.type == 'cuda' if channels_last is None else channels_last
        if self.channels_last:
            self.model.to(memory_format=torch.channels_last)

    @torch.no_grad()
    def __call__(self, batches: Iterable[Tensor]) -> Iterator[tuple[Tensor, Tensor]]:
        """Predict batch after batch.

        Args:
            batches (Iterable[Tensor]): uint8. (B, H, W, 3) each

        Yields:
            tuple[Tensor, Tensor]: The top class and its probability, on the
            device. (B,) each
        """
        for images in batches:
            inputs = self.inputs(images)
            with autocast(enabled=True) if self.fp16 else nullcontext():
                scores = class_scores(self.model(inputs, mode='tensor'))  # (B, C)
            probability, top = scores.float().softmax(1).max(1)
            yield top, probability

    def inputs(self, images: Tensor) -> Tensor:
        """Preprocess images for the network.

        Args:
            images (Tensor): uint8. (B, H, W, 3)

        Returns:
            Tensor: On the device, normalised. (B, 3, H, W)
        """
        # The one transfer of the batch: as uint8, a quarter of the floats.
        images = images.to(self.device, non_blocking=True).permute(0, 3, 1, 2)
        if not self.channels_last:
            images = images.contiguous()
        return self.model.data_preprocessor(dict(inputs=images), False)['inputs']


def predict_cells(
    predict: Predictor,
    loader: DataLoader,
    batches: CellBatches,
    before_cell: Callable[[int], None] | None = None,
) -> Iterator[tuple[int, np.ndarray, np.ndarray]]:
    """Predict cell after cell; the device is waited for once a cell.

    Args:
        predict (Predictor): The network.
        loader (DataLoader): Gives the batches of this process.
        batches (CellBatches): Which they are.
        before_cell (Callable, optional): Called with a cell's number before
            its first batch is predicted. Defaults to None.

    Yields:
        tuple[int, np.ndarray, np.ndarray]: Number of the cell, and of each of its images the
        top class, int64 (N,), and its probability, float32 (N,); the same in each process.
    """
    stream = predict(loader)
    own = slice(batches.share.start, batches.share.stop)
    for number in batches.numbers:
        if before_cell is not None:
            before_cell(number)
        tops = torch.zeros(batches.num_images, dtype=torch.int64, device=predict.device)
        confidences = torch.zeros(batches.num_images, device=predict.device)
        pairs = list(islice(stream, batches.per_cell))
        if pairs:
            tops[own] = torch.cat([top for top, _ in pairs])
            confidences[own] = torch.cat([probability for _, probability in pairs])
        # A sum over zeros puts the shares side by side.
        all_reduce(tops)
        all_reduce(confidences)
        yield number, tops.cpu().numpy(), confidences.cpu().numpy()


@contextmanager
def restored_buffers(model: ImageClassifier) -> Iterator[None]:
    """Restore a network's buffers, such as BatchNorm's statistics, after the block.

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
    source: CorruptionSet | CleanImages,
    num_batches: int,
    batch_size: int,
    cell: int,
) -> None:
    """Re-estimate BatchNorm's statistics on images of a cell, without labels.

    Args:
        predict (Predictor): The network.
        source (CorruptionSet | CleanImages): Has the images.
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
        reestimate_batch_norm(predict.model, batches())
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
