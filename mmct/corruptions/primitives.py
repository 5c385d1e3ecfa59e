"""Provide building blocks of corruptions: compiled loops, grey levels and zooms."""

from collections.abc import Callable
from functools import lru_cache

import numpy as np
from numba import config, njit

from mmct.paths import user_cache

LEVELS = np.arange(256)
# Weights are integers in units of 2**-22: sums of weighted levels are then exact in 32 bits.
BITS = 22


def compiled(function: Callable) -> Callable:
    """Compile a function when it is first called.

    The machine code is kept on disk for the next process if its folder is writable. The folder is
    ``$NUMBA_CACHE_DIR``, or ``mmct`` in the user's cache.

    Args:
        function (Callable): A function with loops over arrays.

    Returns:
        Callable: The compiled function.
    """
    before = config.CACHE_DIR
    try:
        # Numba's default is next to the source. pip would leave that folder behind when it
        # uninstalls mmct, and the folder would hide parts of an editable install.
        config.CACHE_DIR = before or str(user_cache())
        return njit(cache=True, nogil=True)(function)
    except RuntimeError:  # no folder that can be written, or no home
        return njit(nogil=True)(function)
    finally:
        config.CACHE_DIR = before


def to_fractions(images: np.ndarray) -> np.ndarray:
    """Convert grey levels to fractions of white.

    Args:
        images (np.ndarray): Levels, uint8.

    Returns:
        np.ndarray: Fractions in [0, 1], float64.
    """
    return images / 255.0


def to_levels(fractions: np.ndarray) -> np.ndarray:
    """Convert fractions of white to grey levels, clipped and truncated as in the reference.

    Args:
        fractions (np.ndarray): Fractions, floats of any size.

    Returns:
        np.ndarray: Levels, uint8.
    """
    return _cut(np.ascontiguousarray(fractions).reshape(-1)).reshape(fractions.shape)


@compiled
def _cut(fractions: np.ndarray) -> np.ndarray:
    levels = np.empty(fractions.size, np.uint8)
    for i in range(fractions.size):
        levels[i] = np.uint8(min(max(fractions[i], 0), 1) * 255)
    return levels


@lru_cache(maxsize=64)
def zoom_lines(size: int, factor: float, centred: bool) -> tuple[np.ndarray, np.ndarray]:
    """Find the pixels and weights from which a zoom of one axis computes each new pixel.

    The zoom crops the axis, enlarges it linearly, and crops it again. The positions are those of
    ``scipy.ndimage.zoom``.

    Args:
        size (int): Length of the axis, in pixels.
        factor (float): Zoom factor, 1 or more.
        centred (bool): Whether to crop the enlarged axis to its middle ``size`` pixels. If not,
            it is not cropped, and may be longer.

    Returns:
        tuple[np.ndarray, np.ndarray]: The first of two neighbouring pixels, int64
        (M,), and the weights of both (M, 2). M is ``size`` if ``centred``.
    """
    used = zoomed(size, factor)
    cropped = used.stop - used.start
    enlarged = round(cropped * factor)
    place = np.arange(enlarged) * ((cropped - 1) / max(enlarged - 1, 1))
    first = np.clip(np.floor(place).astype(np.int64), 0, max(cropped - 2, 0))
    weights = np.stack((1 - (place - first), place - first), axis=1)
    # Rounding may put the end just outside, where SciPy uses black.
    weights[place > cropped - 1] = 0
    first += used.start
    trim = (enlarged - size) // 2 if centred else 0
    kept = slice(trim, trim + size) if centred else slice(None)
    return first[kept], weights[kept]


def zoomed(size: int, factor: float) -> slice:
    """Find the central part of an axis that a zoom enlarges.

    Args:
        size (int): Length of the axis, in pixels.
        factor (float): Zoom factor, 1 or more.

    Returns:
        slice: The pixels of that part.
    """
    cropped = int(np.ceil(size / factor))
    start = (size - cropped) // 2
    return slice(start, start + cropped)


def zoom_matrix(size: int, factor: float) -> np.ndarray:
    """Compute the matrix of a centred zoom of one axis.

    Args:
        size (int): Length of the axis, in pixels.
        factor (float): Zoom factor, 1 or more.

    Returns:
        np.ndarray: Weight of each pixel in each new pixel. (size, size)
    """
    first, weights = zoom_lines(size, factor, centred=True)
    matrix = np.zeros((size, size + 1))
    rows = np.arange(size)
    matrix[rows, first], matrix[rows, first + 1] = weights.T
    return matrix[:, :-1]


def zoom_fields(fields: np.ndarray, factor: float, centred: bool) -> np.ndarray:
    """Enlarge fields of random numbers linearly.

    Args:
        fields (np.ndarray): The fields, floats. (N, H, W)
        factor (float): Zoom factor, 1 or more.
        centred (bool): Whether to crop to the middle, see :func:`zoom_lines`.

    Returns:
        np.ndarray: The enlarged fields. (N, H, W) if ``centred``, otherwise possibly larger.
    """
    down, across = (zoom_lines(n, factor, centred) for n in fields.shape[1:])
    return _zoom(fields, *down, *across)


@compiled
def _zoom(
    fields: np.ndarray,
    rows: np.ndarray,
    down: np.ndarray,
    columns: np.ndarray,
    across: np.ndarray,
) -> np.ndarray:
    count, height, width = fields.shape
    out = np.empty((count, rows.size, columns.size), fields.dtype)
    line = np.zeros(width + 1)
    for n in range(count):
        for y in range(rows.size):
            upper = fields[n, rows[y]]
            lower = fields[n, min(rows[y] + 1, height - 1)]
            for x in range(width):
                line[x] = down[y, 0] * upper[x] + down[y, 1] * lower[x]
            for x in range(columns.size):
                left = columns[x]
                out[n, y, x] = across[x, 0] * line[left] + across[x, 1] * line[left + 1]
    return out
