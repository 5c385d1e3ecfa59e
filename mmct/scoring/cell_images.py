"""Read the images of a corruption set in batches."""

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
from mmct.runs.errors import CTError, one_line

from .cell_sources import CellSource

_LARGEST = 96  # pixels, the width in a report


class CellImages(Dataset):
    """A data set of pixels in batches, without an object, label or pipeline per image.

    Args:
        source (CellSource): The images; row ``cell * num_images + position`` is
            the image at a position of a cell.
    """

    def __init__(self, source: CellSource) -> None:
        self.source = source

    def __len__(self) -> int:
        return len(self.source.cells) * self.source.num_images

    def __getitems__(self, rows: Sequence[int]) -> Tensor | CTError:
        """Read consecutive images of a cell.

        Args:
            rows (Sequence[int]): Consecutive rows. (B,)

        Returns:
            Tensor | CTError: The images, uint8 (B, H, W, 3), or the error if they
            cannot be read, as an error raised by a worker process would show its
            traceback.
        """
        cell, start = divmod(rows[0], self.source.num_images)
        try:
            pixels = self.source.read(cell, slice(start, start + len(rows)))
        except (OSError, ValueError) as error:
            return CTError(one_line(error))
        return torch.from_numpy(pixels)


class CellBatches:
    """A batch sampler that yields rows cell by cell; no batch spans two cells.

    Args:
        numbers (Sequence[int]): Numbers of the cells.
        num_images (int): Images per cell.
        share (range): Positions in each cell that this process reads.
        batch_size (int): Images per batch.
    """

    def __init__(
        self, numbers: Sequence[int], num_images: int, share: range, batch_size: int
    ) -> None:
        self.numbers, self.num_images = numbers, num_images
        self.share, self.batch_size = share, batch_size

    @property
    def per_cell(self) -> int:
        """Return the number of batches per cell."""
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
    source: CellSource, batches: CellBatches, num_workers: int, device: torch.device
) -> DataLoader:
    """Build a loader of pixels that keeps its worker processes for all cells.

    Args:
        source (CellSource): The images.
        batches (CellBatches): The rows to read, in order.
        num_workers (int): Number of processes that read ahead; 0 reads in this process.
        device (torch.device): The device of the network.

    Returns:
        DataLoader: A loader of the batches of :class:`CellImages`, in pinned memory for a
        CUDA device.
    """
    return DataLoader(
        CellImages(source),
        batch_sampler=batches,
        num_workers=num_workers,
        collate_fn=default_convert,  # the items are batches already
        pin_memory=device.type == 'cuda',
    )


def example(
    image: np.ndarray, channel_order: str, label: int, prediction: int, classes: list[str] | None
) -> dict[str, Any]:
    """Make the entry of an image for a result file.

    Args:
        image (np.ndarray): The image, uint8. (H, W, 3)
        channel_order (str): Order of its channels, 'rgb' or 'bgr'.
        label (int): Its class.
        prediction (int): The class that the network predicted.
        classes (list[str], optional): Names of the classes.

    Returns:
        dict: ``label``, ``label_name``, ``prediction_name`` and ``png``, a picture
        of at most 96 pixels in base64.
    """
    picture = Image.fromarray(np.ascontiguousarray(reordered(image, channel_order)))
    picture.thumbnail((_LARGEST, _LARGEST))
    png = io.BytesIO()
    picture.save(png, 'PNG')
    # A network whose outputs have no names may have more of them than the set has classes.
    known = dict(enumerate(classes or ()))
    own, other = (str(known.get(n, f'class {n}')) for n in (label, prediction))
    content = base64.b64encode(png.getvalue()).decode()
    return dict(label=label, label_name=own, prediction_name=other, png=content)
