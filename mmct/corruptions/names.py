"""Define the corruptions' names, severities and tables, and check a user's arguments."""

import operator
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from mmct.messages import is_count, require, suggestion

from .c_bar import C_BAR, C_BAR_SETS

BENCHMARK = (
    'gaussian_noise',
    'shot_noise',
    'impulse_noise',
    'defocus_blur',
    'glass_blur',
    'motion_blur',
    'zoom_blur',
    'snow',
    'frost',
    'fog',
    'brightness',
    'contrast',
    'elastic_transform',
    'pixelate',
    'jpeg_compression',
)
"""The 15 corruptions of the mean corruption error (Hendrycks & Dietterich, 2019)."""

EXTRA = ('speckle_noise', 'gaussian_blur', 'spatter', 'saturate')
"""The 4 corruptions that the benchmark reserves for validation."""

CORRUPTIONS = BENCHMARK + EXTRA
"""All 19 corruptions of the benchmark."""

CATEGORIES = dict(
    noise=BENCHMARK[:3],
    blur=BENCHMARK[3:7],
    weather=BENCHMARK[7:11],
    digital=BENCHMARK[11:],
    extra=EXTRA,
)
"""The corruptions by category. Tables show a mean per category; the extra ones are separate."""

SEVERITIES = (1, 2, 3, 4, 5)
"""The severities, from weak to strong."""


class Cell(NamedTuple):
    """A corruption at a severity.

    Attributes:
        corruption (str, optional): Name of the corruption; None for clean images.
        severity (int): Severity from 1 to 5; 0 for clean images.
    """

    corruption: str | None
    severity: int

    def __str__(self) -> str:
        return f'{self.corruption} at severity {self.severity}' if self.corruption else 'clean'


CLEAN = Cell(None, 0)
"""The cell of the clean images."""

TABLES = ('cifar', 'tiny_imagenet', 'imagenet')
"""The tables of severities, from CIFAR-10-C, Tiny-ImageNet-C and ImageNet-C."""

CIFAR_LARGEST, IMAGENET_SMALLEST = 32, 128  # pixels along the longer, shorter side
SMALLEST = dict(cifar=8, tiny_imagenet=8, imagenet=32)  # pixels along the shorter side

REVISIONS = dict(cifar=1, tiny_imagenet=2, imagenet=3)
"""Revision of each table, from 1. It rises when the images of a table and seed change."""

SMALL = 64
"""Pixels along the longer side of a small image, at most. Larger ones use faster algorithms."""


def check_corruption(corruption: str, known: Sequence[str] | None = None) -> str:
    """Check the name of a corruption.

    Args:
        corruption (str): The name.
        known (Sequence[str], optional): All valid names. Defaults to None, which stands for
            :data:`CORRUPTIONS`, those of the C-Bar sets and the user's own.

    Returns:
        str: The name.

    Raises:
        ValueError: If there is no such corruption; the message suggests the nearest name.
    """
    if known is None:
        known = CORRUPTIONS if corruption in CORRUPTIONS else (*CORRUPTIONS, *C_BAR, *_own())
    if corruption in known:
        return corruption
    raise ValueError(f'there is no corruption {corruption!r}: {suggestion(corruption, known)}')


def choose_corruptions(
    chosen: str | Sequence[str], categories: Mapping[str, Sequence[str]] | None = None
) -> list[str]:
    """Choose corruptions by name or by category.

    Args:
        chosen (str | Sequence[str]): Names of corruptions. The name of a category stands for all
            of its corruptions.
        categories (Mapping[str, Sequence[str]], optional): All corruptions by category. Defaults
            to None, which stands for :data:`CATEGORIES`, 'c_bar' and those of the user's own;
            'cifar10cbar' and 'imagenetcbar' then name the ten corruptions of each of these sets.

    Returns:
        list[str]: The names without duplicates, in the order of the categories.

    Raises:
        ValueError: If no name is given, or there is no such name; the message suggests the
            nearest one.
    """
    words = {chosen} if isinstance(chosen, str) else set(chosen)
    if categories is None:
        words = {name for word in words for name in C_BAR_SETS.get(word, (word,))}
        categories = CATEGORIES
        if not words <= {*CORRUPTIONS, *CATEGORIES}:
            from .registry import categories_with

            categories = categories_with((*C_BAR, *_own()))
    known = [name for names in categories.values() for name in names]
    for word in sorted(words - set(categories)):
        check_corruption(word, [*known, *categories])
    found = {name for kind in words & set(categories) for name in categories[kind]} | words
    if not found:
        raise ValueError('corruptions must have a name')
    return [name for name in known if name in found]


def _own() -> Sequence[str]:
    # Imported here, as the registry itself imports this module.
    from .registry import registered

    return tuple(registered())


def check_severity(severity: int) -> int:
    """Check a severity.

    Args:
        severity (int): The severity.

    Returns:
        int: The severity.

    Raises:
        ValueError: If the severity is not an integer from 1 to 5.
    """
    try:
        known = operator.index(severity) in SEVERITIES
    except TypeError:
        known = False
    if not known or isinstance(severity, bool):
        raise ValueError(
            f'severity must be an integer from 1 (weak) to 5 (strong), got {severity!r}'
        )
    return operator.index(severity)


def check_seed(seed: int) -> int:
    """Check a seed.

    Args:
        seed (int): The seed.

    Returns:
        int: The seed.

    Raises:
        ValueError: If the seed is not an integer from 0 to 2**64 - 1.
    """
    try:
        known = 0 <= operator.index(seed) < 2**64
    except TypeError:
        known = False
    if not known or isinstance(seed, bool):
        raise ValueError(f'seed must be an integer from 0 to 2**64 - 1, got {seed!r}')
    return operator.index(seed)


def check_table(table: str | None) -> str | None:
    """Check the name of a table of severities.

    Args:
        table (str, optional): One of :data:`TABLES`, or None to choose it by size.

    Returns:
        str | None: The table.

    Raises:
        ValueError: If the table is none of these.
    """
    if table not in (None, *TABLES):
        names = ', '.join(map(repr, TABLES))
        raise ValueError(f'table must be {names} or None (by size), got {table!r}')
    return table


def check_images(images: Any) -> None:
    """Check that images are RGB with 8 bits per channel.

    Args:
        images (np.ndarray): The images.

    Raises:
        ValueError: If they are not a uint8 array of shape (N, H, W, 3).
    """
    if not isinstance(images, np.ndarray):
        raise ValueError(f'images must be a NumPy array, got {type(images).__name__}')
    if images.dtype != np.uint8:
        raise ValueError(
            f'images must be uint8 with levels 0 to 255, got {images.dtype}: corrupt them '
            'before they are normalised'
        )
    if images.ndim != 4 or images.shape[3] != 3:
        raise ValueError(
            f'images must be RGB of shape (N, H, W, 3), got {images.shape}: repeat the channel '
            'of grey images three times, and give one image as images[None]'
        )


def choose_table(table: str | None, height: int, width: int) -> str:
    """Choose the table of severities for images of a size.

    Args:
        table (str, optional): One of :data:`TABLES`, or None to choose it by size: 'cifar' if
            both sides have up to 32 pixels, 'imagenet' if both have 128 or more, and
            'tiny_imagenet' in between.
        height (int): Height of the images, in pixels.
        width (int): Width of the images, in pixels.

    Returns:
        str: The table.

    Raises:
        ValueError: If there is no such table, if height or width is not a whole number of pixels,
            or if the images are too small for the table.
    """
    for pixels in (height, width):
        require(is_count(pixels), 'height and width are whole numbers of pixels', pixels)
    if check_table(table) is None:
        if max(height, width) <= CIFAR_LARGEST:
            table = 'cifar'
        elif min(height, width) >= IMAGENET_SMALLEST:
            table = 'imagenet'
        else:
            table = 'tiny_imagenet'
    if min(height, width) < SMALLEST[table]:
        raise ValueError(
            f'images of {height} x {width} px are too small: table {table!r} needs '
            f'{SMALLEST[table]} px'
        )
    return table
