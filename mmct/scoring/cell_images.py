"""The images of a corruption set, read a batch at a time."""

import base64
import io
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from mmct.datasets import CorruptionSet
from mmct.runs.errors import CTError


class CellImages(Dataset):
    """Batches of pixels: no object an image, no label, no pipeline.

    Args:
        cells (CorruptionSet): The set. Row ``cell * num_images + position``.
    """

    def __init__(self, cells: CorruptionSet) -> None:
        self.cells = cells

    def __len__(self) -> int:
        return len(self.cells.cells) * self.cells.num_images

    def __getitems__(self, rows: Sequence[int]) -> Tensor | CTError:
        """Read neighbours of one cell.

        Args:
            rows (Sequence[int]): Consecutive rows. (B,)

        Returns:
            Tensor | CTError: uint8 (B, H, W, 3), or why they cannot be read: an
            error that a worker raises would reach the user as its traceback.
        """
        cell, start = divmod(rows[0], self.cells.num_images)
        try:
            pixels = self.cells.read(cell, slice(start, start + len(rows)))
        except (OSError, ValueError) as error:
            return CTError(' '.join(str(error).split()))
        return torch.from_numpy(pixels)


class CellBatches:
    """The rows of each batch, cell by cell; no batch reaches into the next cell.

    Args:
        numbers (Sequence[int]): Which cells.
        num_images (int): Images a cell.
        share (range): This process's positions in each cell.
        batch_size (int): Images a batch.
    """

    def __init__(
        self, numbers: Sequence[int], num_images: int, share: range, batch_size: int
    ) -> None:
        self.numbers, self.num_images = numbers, num_images
        self.share, self.batch_size = share, batch_size

    @property
    def per_cell(self) -> int:
        """Number of batches of each cell."""
        return -(-len(self.share) // self.batch_size)

    def __len__(self) -> int:
        return len(self.numbers) * self.per_cell

    def __iter__(self) -> Iterator[range]:
        for number in self.numbers:
            first = number * self.num_images
            for start in range(self.share.start, self.share.stop, self.batch_size):
                stop = min(start + self.batch_size, self.share.stop)
                yield range(first + start, first + stop)


def cell_loader(cells: CorruptionSet, batches: CellBatches, num_workers: int) -> DataLoader:
    """A loader of pixels, the same workers for all cells.

    Args:
        cells (CorruptionSet): The set.
        batches (CellBatches): What to read, in which order.
        num_workers (int): Processes that read ahead; 0 reads in this one.

    Returns:
        DataLoader: Gives what :class:`CellImages` does, pinned where there is CUDA.
    """
    return DataLoader(
        CellImages(cells),
        batch_sampler=batches,
        num_workers=num_workers,
        collate_fn=_as_it_is,
        pin_memory=torch.cuda.is_available(),
    )


def _as_it_is(batch: Tensor | CTError) -> Tensor | CTError:
    return batch


_LARGEST = 96  # pixels: as wide as a report shows it


def example(
    image: np.ndarray, channel_order: str, label: int, prediction: int, classes: list[str] | None
) -> dict[str, Any]:
    """An image for a result file.

    Args:
        image (np.ndarray): uint8. (H, W, 3)
        channel_order (str): 'rgb' or 'bgr'.
        label (int): Its class.
        prediction (int): What the network took it for.
        classes (list[str], optional): The classes' names.

    Returns:
        dict: ``label``, ``label_name``, ``prediction_name`` and ``png``, in
        base64, of 96 pixels at most.
    """
    flip = -1 if channel_order == 'bgr' else 1
    picture = Image.fromarray(np.ascontiguousarray(image[..., ::flip]))
    picture.thumbnail((_LARGEST, _LARGEST))
    png = io.BytesIO()
    picture.save(png, 'PNG')

    def name(number: int) -> str:
        return str(classes[number]) if classes else f'class {number}'

    return dict(
        label=label,
        label_name=name(label),
        prediction_name=name(prediction),
        png=base64.b64encode(png.getvalue()).decode(),
    )
