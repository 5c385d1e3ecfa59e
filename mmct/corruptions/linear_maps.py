"""Linear maps of an image that act on each axis alone, as a matrix an axis.

The matrices are read off SciPy: they are what it makes of the unit vectors.
"""

from functools import lru_cache

import numpy as np
from scipy import ndimage


@lru_cache(maxsize=256)
def zoom_matrix(size: int, factor: float) -> np.ndarray:
    """What the reference's zoom makes of one axis: crop, enlarge linearly, crop.

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
    """A normal (Gaussian) filter along one axis.

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
