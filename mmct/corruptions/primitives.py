"""Building blocks of corruptions: compiled loops, grey levels, filters as matrices."""

import os
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

import numpy as np
from numba import config, njit
from scipy import ndimage


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


def over_channels(layers: np.ndarray) -> np.ndarray:
    """Repeat a layer for each channel; NumPy's broadcasting is slow along so short an axis.

    Args:
        layers (np.ndarray): (N, H, W)

    Returns:
        np.ndarray: (N, H, W, 3)
    """
    return _repeat(np.ascontiguousarray(layers).reshape(-1)).reshape(*layers.shape, 3)


@compiled
def _repeat(values: np.ndarray) -> np.ndarray:
    out = np.empty((values.size, 3), values.dtype)
    for i in range(values.size):
        for c in range(3):
            out[i, c] = values[i]
    return out


@lru_cache(maxsize=256)
def zoom_matrix(size: int, factor: float) -> np.ndarray:
    """Write the reference's zoom of one axis as a matrix: crop, enlarge linearly, crop.

    Args:
        size (int): Pixels.
        factor (float): 1 or more.

    Returns:
        np.ndarray: Weight of each pixel in each new pixel. (size, size)
    """
    cropped = int(np.ceil(size / factor))
    top = (size - cropped) // 2
    enlarged = ndimage.zoom(np.eye(cropped), (factor, 1), order=1)
    trim = (len(enlarged) - size) // 2
    matrix = np.zeros((size, size))
    matrix[:, top:top + cropped] = enlarged[trim:trim + size]
    return matrix


@lru_cache(maxsize=256)
def smoothing_matrix(size: int, sigma: float, mode: str, truncate: float = 4.0) -> np.ndarray:
    """Write a normal (Gaussian) filter along one axis as a matrix.

    Args:
        size (int): Pixels.
        sigma (float): Standard deviation in pixels.
        mode (str): How the axis goes on outside, as of ``scipy.ndimage``.
        truncate (float): The kernel's radius in standard deviations.
            Defaults to 4.

    Returns:
        np.ndarray: Weight of each pixel in each new pixel. (size, size)
    """
    return ndimage.gaussian_filter(np.eye(size), (sigma, 0), mode=mode, truncate=truncate)


def smooth(fields: np.ndarray, sigma: float, mode: str, truncate: float = 4.0) -> np.ndarray:
    """Filter fields of random numbers.

    Faster than SciPy, and rounded otherwise: not for images, where levels
    are cut off.

    Args:
        fields (np.ndarray): Floats. (..., H, W)
        sigma (float): Standard deviation in pixels.
        mode (str): How a field goes on outside, as of ``scipy.ndimage``.
        truncate (float): The kernel's radius in standard deviations.
            Defaults to 4.

    Returns:
        np.ndarray: As the fields.
    """
    down, across = (smoothing_matrix(n, sigma, mode, truncate) for n in fields.shape[-2:])
    return down @ fields @ across.T
