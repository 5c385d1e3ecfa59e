"""Smooth images and fields of random numbers with a normal (Gaussian) filter."""

from functools import lru_cache

import cv2
import numpy as np
from scipy import ndimage

from .names import SMALL
from .primitives import LEVELS, compiled, to_fractions, to_levels
from .streams import stacked


@lru_cache(maxsize=256)
def smoothing_matrix(size: int, sigma: float, mode: str, truncate: float) -> np.ndarray:
    """Compute the matrix of a normal (Gaussian) filter along one axis.

    Args:
        size (int): Length of the axis, in pixels.
        sigma (float): Standard deviation in pixels.
        mode (str): Extension of the axis beyond its ends, as in ``scipy.ndimage``.
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
        truncate (float): The kernel's radius in standard deviations. Defaults to 4.

    Returns:
        np.ndarray: Weights that sum to 1, float64. (2 radius + 1,)
    """
    radius = int(truncate * sigma + 0.5)
    if not radius:
        return np.ones(1)
    kernel = np.exp(-0.5 / (sigma * sigma) * np.arange(-radius, radius + 1) ** 2)
    return kernel / kernel.sum()


def smooth_fields(
    fields: np.ndarray, sigma: float | tuple[float, float], mode: str, truncate: float = 4.0
) -> np.ndarray:
    """Filter fields of random numbers with a normal (Gaussian) kernel.

    The function is faster than SciPy but rounds differently. Do not use it for images, whose
    values are truncated to levels.

    Args:
        fields (np.ndarray): The fields, floats. (..., H, W)
        sigma (float | tuple[float, float]): Standard deviation in pixels; a pair means down and
            across.
        mode (str): Extension of a field beyond its edges, as in ``scipy.ndimage``:
            'nearest' or 'reflect'.
        truncate (float): The kernel's radius in standard deviations.
            Defaults to 4.

    Returns:
        np.ndarray: Filtered fields of the same shape and type.
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


def smooth_images(images: np.ndarray, sigma: float) -> np.ndarray:
    """Filter with a normal kernel of 4 standard deviations; edge pixels repeat outside.

    The result is bit-identical to that of ``scipy.ndimage.gaussian_filter``, which takes several
    times as long. Each bit matters: values are truncated to levels afterwards, so a difference in
    the last bit can change a level.

    Args:
        images (np.ndarray): Images, float64. (N, H, W, C)
        sigma (float): Standard deviation in pixels.

    Returns:
        np.ndarray: New images of the same shape and type.
    """
    count, height, width, channels = images.shape
    lines = images.reshape(count, height, width * channels)
    kernel = normal_kernel(sigma)
    return _smooth(lines, kernel[kernel.size // 2:], channels).reshape(images.shape)


@compiled
def _smooth(images: np.ndarray, weights: np.ndarray, channels: int) -> np.ndarray:
    count, height, width = images.shape
    radius = weights.size - 1
    margin = radius * channels
    out = np.empty_like(images)
    line = np.empty(width + 2 * margin)
    middle = line[margin:margin + width]
    for n in range(count):
        image = images[n]
        for y in range(height):
            middle[:] = image[y] * weights[0]
            for k in range(radius, 0, -1):
                _add(middle, image[max(y - k, 0)], image[min(y + k, height - 1)], weights[k])
            for k in range(radius):
                for c in range(channels):
                    line[k * channels + c] = middle[c]
                    line[margin + width + k * channels + c] = middle[width - channels + c]
            out[n, y] = middle * weights[0]
            for k in range(radius, 0, -1):
                left, right = line[margin - k * channels:], line[margin + k * channels:]
                _add(out[n, y], left, right, weights[k])
    return out


@compiled
def _add(sums: np.ndarray, one: np.ndarray, other: np.ndarray, weight: float) -> None:
    # The compiler vectorises this loop only in a function of its own.
    for i in range(sums.size):
        sums[i] += (one[i] + other[i]) * weight


def gaussian_blur(images: np.ndarray, sigma: float, fine: bool = False) -> np.ndarray:
    """Blur with a normal (Gaussian) filter.

    Args:
        images (np.ndarray): RGB images, uint8. (N, H, W, 3)
        sigma (float): Standard deviation in pixels.
        fine (bool): Whether to filter large images in float64, too. In nearly uniform areas,
            fewer values are then wrong by a level. Defaults to False.

    Returns:
        np.ndarray: New images of the same shape and type.
    """
    if max(images.shape[1:3]) <= SMALL:
        return to_levels(smooth_images(to_fractions(images), sigma))
    kernel = normal_kernel(sigma)
    depth, rounding = _FINE if fine else _COARSE
    blurred = stacked(
        cv2.sepFilter2D(image, depth, kernel, kernel, borderType=cv2.BORDER_REPLICATE)
        for image in images
    )
    return _cut_sums(blurred, rounding, _smooth_levels(sigma))


# The type of sums of levels, and a bound of their error.
_FINE, _COARSE = (cv2.CV_64F, 1e-9), (cv2.CV_32F, np.float32(1e-4))


@lru_cache(maxsize=32)
def _smooth_levels(sigma: float) -> np.ndarray:
    """Filter a uniform image of each level; the last bit decides whether it changes. (256,)."""
    return to_levels(smooth_images(LEVELS.reshape(-1, 1, 1, 1) / 255, sigma)).reshape(-1)


@compiled
def _cut_sums(sums: np.ndarray, rounding: float, flat: np.ndarray) -> np.ndarray:
    """Truncate sums to levels; close to a level, use what the reference computes for it."""
    levels = np.empty(sums.shape, np.uint8)
    for n in range(len(sums)):
        for y in range(sums.shape[1]):
            line, cut = sums[n, y].reshape(-1), levels[n, y].reshape(-1)
            if _cut_line(line, rounding, cut):
                for i in range(line.size):
                    if abs(line[i] - cut[i]) < rounding:
                        cut[i] = flat[cut[i]]
    return levels


@compiled
def _cut_line(sums: np.ndarray, rounding: float, levels: np.ndarray) -> bool:
    """Truncate sums to levels, and return whether any sum is close to its level."""
    # The compiler vectorises this loop only in a function of its own.
    close = np.int32(0)
    for i in range(sums.size):
        level = np.int32(sums[i] + rounding)
        close |= np.int32(abs(sums[i] - sums.dtype.type(level)) < rounding)
        levels[i] = level
    return close > 0
