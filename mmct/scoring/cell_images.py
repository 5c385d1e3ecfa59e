"""The images of a corruption set, read a batch at a time."""

import base64
import io
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, default_convert

from mmct.corruptions.channels import reordered
from mmct.runs.errors import CTError

from .images import CellSource

_LARGEST = 96  # pixels: as wide as a report shows it


class CellImages(Dataset):
    """Pixels in batches, without an object, label or pipeline for each image.

    Args:
        source (CellSource): Has the images; row
            ``cell * num_images + position``.
    """

    def __init__(self, source: CellSource) -> None:
        self.source = source

    def __len__(self) -> int:
        return len(self.source.cells) * self.source.num_images

    def __getitems__(self, rows: Sequence[int]) -> Tensor | CTError:
        """Read neighbours of one cell.

        Args:
            rows (Sequence[int]): Consecutive rows. (B,)

        Returns:
            Tensor | CTError: uint8 (B, H, W, 3), or why they cannot be read: an
            error that a worker raises would reach the user as its traceback.
        """
        cell, start = divmod(rows[0], self.source.num_images)
        try:
            pixels = self.source.read(cell, slice(start, start + len(rows)))
        except (OSError, ValueError) as error:
            return CTError(' '.join(str(error).split()))
        return torch.from_numpy(pixels)


class CellBatches:
    """The rows of each batch, cell by cell; no batch reaches into the next cell.

    Args:
        numbers (Sequence[int]): Which cells.
        num_images (int): Images per cell.
        share (range): This process's positions in each cell.
        batch_size (int): Images per batch.
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


def cell_loader(
    source: CellSource, batches: CellBatches, num_workers: int
) -> DataLoader:
    """Build a loader of pixels, with the same workers for all cells.

    Args:
        source (CellSource): Has the images.
        batches (CellBatches): What to read, in which order.
        num_workers (int): Processes that read ahead; 0 reads in this one.

    Returns:
        DataLoader: Gives what :class:`CellImages` does, pinned where there is CUDA.
    """
    return DataLoader(
        CellImages(source),
        batch_sampler=batches,
        num_workers=num_workers,
        collate_fn=default_convert,  # they are batches already
        pin_memory=torch.cuda.is_available(),
    )


def example(
    image: np.ndarray, channel_order: str, label: int, prediction: int, classes: list[str] | None
) -> dict[str, Any]:
    """Make an image's entry of a result file.

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
    picture = Image.fromarray(np.ascontiguousarray(reordered(image, channel_order)))
    picture.thumbnail((_LARGEST, _LARGEST))
    png = io.BytesIO()
    picture.save(png, 'PNG')
    own, other = (str(classes[n]) if classes else f'class {n}' for n in (label, prediction))
    content = base64.b64encode(png.getvalue()).decode()
    return dict(label=label, label_name=own, prediction_name=other, png=content)
