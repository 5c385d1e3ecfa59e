"""Building blocks of corruptions: compiled loops, grey levels, filters as matrices."""

import os
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np
from numba import config, njit
from scipy import ndimage

from .names import SMALL

LEVELS = np.arange(256)


def compiled(function: Callable) -> Callable:
    """Compile a function when it is first called.

    The machine code is kept on disk for the next process where a folder for it
    can be written: ``$NUMBA_CACHE_DIR``, or ``mmct`` in the user's cache.

    Args:
        function (Callable): Loops over arrays.

    Returns:
        Callable: The same, compiled.
    """
    before = config.CACHE_DIR
    try:
        # Not beside the source, numba's default: pip would leave it there when mmct is
        # removed, and that folder would hide parts of an editable install.
        config.CACHE_DIR = before or _user_cache()
        return njit(cache=True, nogil=True)(function)
    except RuntimeError:  # no folder that can be written, or no home
        return njit(nogil=True)(function)
    finally:
        config.CACHE_DIR = before


def _user_cache() -> str:
    root = os.environ.get('XDG_CACHE_HOME') or Path.home() / '.cache'
    return str(Path(root) / 'mmct')


def to_fractions(images: np.ndarray) -> np.ndarray:
    """Turn grey levels into fractions of white.

    Args:
        images (np.ndarray): uint8.

    Returns:
        np.ndarray: float64 in [0, 1].
    """
    return images / 255.0


def to_levels(fractions: np.ndarray) -> np.ndarray:
    """Turn fractions of white into grey levels: cut off and not rounded, as the reference does.

    Args:
        fractions (np.ndarray): Any floats.

    Returns:
        np.ndarray: uint8.
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
    """Find what a zoom of one axis makes each pixel from: crop, enlarge linearly, crop again.

    The positions are those of ``scipy.ndimage.zoom``.

    Args:
        size (int): Pixels.
        factor (float): 1 or more.
        centred (bool): Whether the second crop is the middle, cut off at the
            size. If not, nothing is cut off, and the result may be longer.

    Returns:
        tuple[np.ndarray, np.ndarray]: The first of two neighbouring pixels, int64
        (M,), and the weights of both (M, 2). M is the size where centred.
    """
    used = zoomed(size, factor)
    cropped = used.stop - used.start
    enlarged = round(cropped * factor)
    place = np.arange(enlarged) * ((cropped - 1) / max(enlarged - 1, 1))
    first = np.clip(np.floor(place).astype(np.int64), 0, max(cropped - 2, 0))
    weights = np.stack((1 - (place - first), place - first), axis=1)
    # By a last bit the end may lie outside, where SciPy takes black.
    weights[place > cropped - 1] = 0
    first += used.start
    trim = (enlarged - size) // 2 if centred else 0
    kept = slice(trim, trim + size) if centred else slice(None)
    return first[kept], weights[kept]


def zoomed(size: int, factor: float) -> slice:
    """Find the middle of an axis that a zoom is made from.

    Args:
        size (int): Pixels.
        factor (float): 1 or more.

    Returns:
        slice: Of the pixels.
    """
    cropped = int(np.ceil(size / factor))
    start = (size - cropped) // 2
    return slice(start, start + cropped)


def zoom_matrix(size: int, factor: float) -> np.ndarray:
    """Write the zoom of one axis, centred, as a matrix.

    Args:
        size (int): Pixels.
        factor (float): 1 or more.

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
        fields (np.ndarray): Floats. (N, H, W)
        factor (float): 1 or more.
        centred (bool): As of :func:`zoom_lines`.

    Returns:
        np.ndarray: As the fields. (N, H, W) where centred, else perhaps a pixel more.
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


@lru_cache(maxsize=256)
def smoothing_matrix(size: int, sigma: float, mode: str, truncate: float) -> np.ndarray:
    """Write a normal (Gaussian) filter along one axis as a matrix.

    Args:
        size (int): Pixels.
        sigma (float): Standard deviation in pixels.
        mode (str): How the axis goes on outside, as of ``scipy.ndimage``.
        truncate (float): The kernel's radius in standard deviations.

    Returns:
        np.ndarray: Weight of each pixel in each new pixel. (size, size)
    """
    return ndimage.gaussian_filter(np.eye(size), (sigma, 0), mode=mode, truncate=truncate)


@lru_cache(maxsize=64)
def normal_kernel(sigma: float, truncate: float = 4.0) -> np.ndarray:
    """Compute the weights of a normal (Gaussian) filter, as SciPy does.

    Args:
        sigma (float): Standard deviation in pixels.
        truncate (float): The radius in standard deviations. Defaults to 4.

    Returns:
        np.ndarray: float64, of sum 1. (2 radius + 1,)
    """
    radius = int(truncate * sigma + 0.5)
    if not radius:
        return np.ones(1)
    kernel = np.exp(-0.5 / (sigma * sigma) * np.arange(-radius, radius + 1) ** 2)
    return kernel / kernel.sum()


def smooth(
    fields: np.ndarray, sigma: float | tuple[float, float], mode: str, truncate: float = 4.0
) -> np.ndarray:
    """Filter fields of random numbers.

    Faster than SciPy, and rounded otherwise: not for images, where levels
    are cut off.

    Args:
        fields (np.ndarray): Floats. (..., H, W)
        sigma (float | tuple[float, float]): Standard deviation in pixels, down
            and across if there are two.
        mode (str): How a field goes on outside, as of ``scipy.ndimage``:
            'nearest' or 'reflect'.
        truncate (float): The kernel's radius in standard deviations.
            Defaults to 4.

    Returns:
        np.ndarray: As the fields.
    """
    height, width = fields.shape[-2:]
    sigmas = sigma if isinstance(sigma, tuple) else (sigma, sigma)
    if max(height, width) <= SMALL:
        sizes = zip((height, width), sigmas, strict=True)
        down, across = (smoothing_matrix(n, s, mode, truncate) for n, s in sizes)
        return down @ fields @ across.T
    down, across = (normal_kernel(s, truncate) for s in sigmas)
    border = dict(nearest=cv2.BORDER_REPLICATE, reflect=cv2.BORDER_REFLECT)[mode]
    lines = fields.reshape(-1, height, width)
    made = np.empty_like(lines)
    for line, out in zip(lines, made, strict=True):
        cv2.sepFilter2D(line, -1, across, down, out, borderType=border)
    return made.reshape(fields.shape)
