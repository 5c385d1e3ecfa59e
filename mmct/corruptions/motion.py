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
    count, height, width, channels = images.shape
    lines = images.reshape(count, height, width * channels)
    return _smear(lines, rows, columns * channels, weights, channels).reshape(images.shape)


@compiled
def _smear(
    images: np.ndarray, rows: np.ndarray, shifts: np.ndarray, weights: np.ndarray, channels: int
) -> np.ndarray:
    count, height, width = images.shape
    out = np.empty_like(images)
    sums = np.empty(width)
    for n in range(count):
        for y in range(height):
            sums[:] = 0
            for k in range(weights.size):
                line = images[n, min(max(y + rows[n, k], 0), height - 1)]
                shift = shifts[n, k]
                # Of these values the source is inside; beyond, the edge goes on.
                begin = min(max(-shift, 0), width)
                end = max(min(width - shift, width), begin)
                for x in range(0, begin, channels):
                    for c in range(channels):
                        sums[x + c] += weights[k] * line[c]
                inside, source = sums[begin:end], line[begin + shift:end + shift]
                for i in range(inside.size):
                    inside[i] += weights[k] * source[i]
                for x in range(end, width, channels):
                    for c in range(channels):
                        sums[x + c] += weights[k] * line[width - channels + c]
            for i in range(width):
                out[n, y, i] = np.uint8(sums[i])
    return out
