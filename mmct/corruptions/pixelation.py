"""Fewer pixels."""

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
    rows, columns = _boxes(height, int(height * factor)), _boxes(width, int(width * factor))
    return _pixelate(images, *rows, *columns)


@lru_cache(maxsize=64)
def _boxes(old: int, new: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """First and last + 1 of the pixels that make a box, and the box of each pixel."""
    shrunk, enlarged = _inside(old, new), _inside(new, old)
    first = shrunk.argmax(axis=1)
    return first, first + shrunk.sum(axis=1), enlarged.argmax(axis=1)


def _inside(old: int, new: int) -> np.ndarray:
    """Which pixels a new pixel is made of. (new, old)."""
    # Pillow's expressions: an edge of a box may lie on the middle of a pixel.
    scale = old / new
    centres = (np.arange(new)[:, None] + 0.5) * scale
    place = (np.arange(old) - centres + 0.5) * (1 / max(scale, 1))
    return (-0.5 < place) & (place <= 0.5)


@compiled
def _pixelate(
    images: np.ndarray,
    top: np.ndarray,
    bottom: np.ndarray,
    row: np.ndarray,
    left: np.ndarray,
    right: np.ndarray,
    column: np.ndarray,
) -> np.ndarray:
    count, height, width, channels = images.shape
    out = np.empty_like(images)
    # As Pillow: means along rows, rounded, then means of these down columns.
    narrow = np.empty((height, left.size, channels), np.uint8)
    small = np.empty((left.size, channels), np.uint8)
    for n in range(count):
        for y in range(height):
            for j in range(left.size):
                for c in range(channels):
                    total = np.uint32(0)
                    for x in range(left[j], right[j]):
                        total += images[n, y, x, c]
                    narrow[y, j, c] = _rounded(total, right[j] - left[j])
        box = -1
        for y in range(height):
            if row[y] != box:
                box = row[y]
                for j in range(left.size):
                    for c in range(channels):
                        total = np.uint32(0)
                        for k in range(top[box], bottom[box]):
                            total += narrow[k, j, c]
                        small[j, c] = _rounded(total, bottom[box] - top[box])
            for x in range(width):
                for c in range(channels):
                    out[n, y, x, c] = small[column[x], c]
    return out


@compiled
def _rounded(total: int, count: int) -> int:
    return total if count == 1 else (2 * total + count) // (2 * count)
