"""Smearing along a line, as ImageMagick's motion blur does it."""

import numpy as np

from .compiled import compiled


def smear(images: np.ndarray, angles: np.ndarray, radius: int, sigma: float) -> np.ndarray:
    """Average each pixel with those behind it on a line.

    The weights are one half of a normal distribution; the line's points are
    rounded to pixels, and outside the image the edge goes on.

    Args:
        images (np.ndarray): uint8. (N, H, W, C)
        angles (np.ndarray): Of each image's line, in degrees. (N,)
        radius (int): Half the line's length, in pixels.
        sigma (float): Standard deviation of the weights, in pixels.

    Returns:
        np.ndarray: As the images, cut off to levels.
    """
    steps = np.arange(2 * radius + 1)
    weights = np.exp(-0.5 * (steps / sigma) ** 2)
    weights /= weights.sum()
    radians = np.deg2rad(angles)[:, None]
    rows = np.ceil(steps * np.sin(radians) - 0.5).astype(np.int64)
    columns = np.ceil(steps * np.cos(radians) - 0.5).astype(np.int64)
    return _smear(images, rows, columns, weights)


@compiled
def _smear(
    images: np.ndarray, rows: np.ndarray, columns: np.ndarray, weights: np.ndarray
) -> np.ndarray:
    count, height, width, channels = images.shape
    out = np.empty_like(images)
    sums = np.empty((width, channels))
    for n in range(count):
        for y in range(height):
            sums[:] = 0
            for k in range(weights.size):
                source = images[n, min(max(y + rows[n, k], 0), height - 1)]
                for x in range(width):
                    at = min(max(x + columns[n, k], 0), width - 1)
                    for c in range(channels):
                        sums[x, c] += weights[k] * source[at, c]
            for x in range(width):
                for c in range(channels):
                    out[n, y, x, c] = np.uint8(sums[x, c])
    return out
