"""Fewer pixels."""

import math
from functools import lru_cache

import numpy as np

from .compiled import compiled


def pixelate(images: np.ndarray, factor: float) -> np.ndarray:
    """Fewer pixels: the image is made smaller and large again, with Pillow's box filter.

    Args:
        images (np.ndarray): uint8. (N, H, W, 3)
        factor (float): Of the size.

    Returns:
        np.ndarray: As the images.
    """
    height, width = images.shape[1:3]
    small = (int(height * factor), int(width * factor))
    for axis, size in ((2, small[1]), (1, small[0]), (2, width), (1, height)):
        images = _box(images, axis, *_boxes(images.shape[axis], size))
    return images


@lru_cache(maxsize=64)
def _boxes(old: int, new: int) -> tuple[np.ndarray, np.ndarray]:
    """First and last + 1 of the pixels whose mean each new pixel is."""
    scale = old / new
    reach = max(scale, 1) * 0.5
    centres = (np.arange(new) + 0.5) * scale
    first = np.maximum((centres - reach + 0.5).astype(int), 0)
    last = np.minimum((centres + reach + 0.5).astype(int), old)
    return first, last


def _box(images: np.ndarray, axis: int, first: np.ndarray, last: np.ndarray) -> np.ndarray:
    before, after = images.shape[:axis], images.shape[axis + 1:]
    lines = images.reshape(math.prod(before), -1, math.prod(after))
    return _means(lines, first, last).reshape(*before, len(first), *after)


@compiled
def _means(lines: np.ndarray, first: np.ndarray, last: np.ndarray) -> np.ndarray:
    count, _, width = lines.shape
    out = np.empty((count, first.size, width), np.uint8)
    for n in range(count):
        for i in range(first.size):
            pixels = last[i] - first[i]
            for k in range(width):
                total = 0
                for j in range(first[i], last[i]):
                    total += lines[n, j, k]
                out[n, i, k] = (2 * total + pixels) // (2 * pixels)  # rounded
    return out
