"""The normal (Gaussian) filter over images."""

from functools import lru_cache

import numpy as np

from .compiled import compiled


def smooth_images(images: np.ndarray, sigma: float) -> np.ndarray:
    """Filter with a normal kernel of 4 standard deviations; outside the edge goes on.

    To the bit what ``scipy.ndimage.gaussian_filter`` makes, which takes several
    times as long: levels are cut off afterwards, so that a last bit can be a level.

    Args:
        images (np.ndarray): float64. (N, H, W, C)
        sigma (float): Standard deviation in pixels.

    Returns:
        np.ndarray: As the images.
    """
    count, height, width, channels = images.shape
    lines = images.reshape(count, height, width * channels)
    return _smooth(lines, _half_kernel(sigma), channels).reshape(images.shape)


@lru_cache(maxsize=32)
def _half_kernel(sigma: float) -> np.ndarray:
    """The middle weight and those after it."""
    radius = int(4 * sigma + 0.5)
    kernel = np.exp(-0.5 / (sigma * sigma) * np.arange(-radius, radius + 1) ** 2)
    return (kernel / kernel.sum())[radius:]


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
    # On its own, the compiler makes vector instructions of it.
    for i in range(sums.size):
        sums[i] += (one[i] + other[i]) * weight
