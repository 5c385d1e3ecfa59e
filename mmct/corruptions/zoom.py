"""Zooming into the middle of an image, as a matrix an axis."""

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
    # The linear map is read off SciPy's zoom of the unit vectors.
    enlarged = ndimage.zoom(np.eye(cropped), (factor, 1), order=1)
    trim = (len(enlarged) - size) // 2
    matrix = np.zeros((size, size))
    matrix[:, top:top + cropped] = enlarged[trim:trim + size]
    return matrix
