"""What is done to each image, and to which images at a time."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from mmct.corruptions import choose_table, corrupt
from mmct.runs.errors import CTError

from .scan import Scan, image_digest
from .source import Source

# A task's images: few enough to stay small in memory at five severities, and
# so many that starting a task costs nothing beside it.
_PIXELS, _MOST = 1 << 19, 256


@dataclass(frozen=True)
class Recipe:
    """What the pixels depend on, beside the images and the corruption.

    Args:
        severities (tuple[int, ...]): From weak to strong.
        seed (int): 0 or more.
        table (str): 'cifar' or 'imagenet'.
    """

    severities: tuple[int, ...]
    seed: int
    table: str

    def corrupt(
        self, images: np.ndarray, corruption: str, severity: int, indices: np.ndarray
    ) -> np.ndarray:
        """Corrupt images of one size.

        Args:
            images (np.ndarray): RGB. (N, H, W, 3)
            corruption (str): The corruption.
            severity (int): 1 to 5.
            indices (np.ndarray): The images' in their data set: what an image
                becomes does not depend on the others.

        Returns:
            np.ndarray: As the images.
        """
        return corrupt(
            images, corruption, severity, seed=self.seed, indices=indices, table=self.table
        )


@dataclass(frozen=True)
class Part:
    """The images of a task.

    Args:
        number (int): Of the part.
        indices (np.ndarray): In the data set. (n,)
        labels (np.ndarray): (n,)
        digests (np.ndarray): What the scan saw. (n, 32)
    """

    number: int
    indices: np.ndarray
    labels: np.ndarray
    digests: np.ndarray

    def read(self, source: Source, position: int) -> np.ndarray:
        """Read an image.

        Args:
            source (Source): The data set.
            position (int): In this part.

        Raises:
            CTError: If it is not what the scan saw.
        """
        index = int(self.indices[position])
        try:
            image, label = source.read(index)
            same = image_digest(image) == self.digests[position].tobytes()
        except OSError:
            same = False
        if not same or label != self.labels[position]:
            raise CTError(
                f'{source.path(index) or f"image {index}"} has changed since this set was '
                'begun: put it back, or make a new set in another folder'
            )
        return image


def parts(scan: Scan) -> Iterator[Part]:
    """Cut a data set into tasks: always the same ones.

    Args:
        scan (Scan): Of its images.
    """
    size = part_size(scan)
    for number, start in enumerate(range(0, len(scan.indices), size)):
        rows = slice(start, start + size)
        yield Part(number, scan.indices[rows], scan.labels[rows], scan.digests[rows])


def part_size(scan: Scan) -> int:
    """The number of images in each part but the last.

    Args:
        scan (Scan): Of all images.
    """
    largest = max(height * width for height, width in scan.sizes)
    return min(_MOST, max(1, _PIXELS // largest))


def table_for(scan: Scan, table: str | None) -> str:
    """The one table that all images take.

    Args:
        scan (Scan): Of all images.
        table (str, optional): What the user asks for.

    Raises:
        CTError: If sizes lie in between, or on both sides.
    """
    try:
        found = sorted({choose_table(table, *size) for size in scan.sizes})
    except ValueError as error:
        remedy = '' if table else ' with --table; or resize them in the pipeline'
        raise CTError(f'{error}{remedy}') from error
    if len(found) > 1:
        raise CTError(
            'some images are as small as those of CIFAR-C and others as large as those of '
            'ImageNet-C: choose one --table, or resize them in the pipeline'
        )
    return found[0]
