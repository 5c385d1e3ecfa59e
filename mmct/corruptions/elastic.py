"""Warping."""

import cv2
import numpy as np

from .levels import compiled, smooth, to_levels
from .streams import Streams


def elastic_transform(
    images: np.ndarray, streams: Streams, strength: float, sigma: float, shift: float
) -> np.ndarray:
    """A random affine map, then small random shifts that vary smoothly.

    Args:
        images (np.ndarray): uint8. (N, H, W, 3)
        streams (Streams): The images' randomness.
        strength (float): Of the small shifts, as a fraction of the shorter side.
        sigma (float): Standard deviation of the filter that smooths them, as a
            fraction of the shorter side.
        shift (float): Largest shift of each of the affine map's three points,
            as a fraction of the shorter side.

    Returns:
        np.ndarray: As the images.
    """
    count, height, width, _ = images.shape
    side = min(height, width)
    square = side // 3
    centre = np.array((height // 2, width // 2))
    corners = (centre + square * np.array([(1, 1), (1, -1), (-1, -1)])).astype(np.float32)

    # Six for the points, and two a pixel.
    draws = streams.draw(count, lambda rng: rng.random(6 + 2 * height * width)) * 2 - 1
    fields = draws[:, 6:].reshape(count, 2, height, width)
    shifts = strength * side * smooth(fields, sigma * side, 'reflect', truncate=3)
    shifts = shifts.astype(np.float32)
    x = images.astype(np.float32) / 255
    moved = shift * side * draws[:, :6].reshape(count, 3, 2)
    moved = corners + moved.astype(np.float32)
    warped = np.empty_like(x)
    for n in range(count):
        warped[n] = cv2.warpAffine(
            x[n],
            cv2.getAffineTransform(corners, moved[n]),
            (width, height),
            borderMode=cv2.BORDER_REFLECT_101,
        )
    return to_levels(_sample(warped, shifts))


@compiled
def _reflected(i: int, size: int) -> int:
    while i < 0 or i >= size:
        i = -i - 1 if i < 0 else 2 * size - i - 1
    return i


@compiled
def _sample(images: np.ndarray, shifts: np.ndarray) -> np.ndarray:
    """Each pixel from where its shift (right, down) leads, between four pixels."""
    count, height, width, channels = images.shape
    out = np.empty_like(images)
    for n in range(count):
        for y in range(height):
            for x in range(width):
                across, down = x + shifts[n, 0, y, x], y + shifts[n, 1, y, x]
                left, top = int(np.floor(across)), int(np.floor(down))
                across, down = across - left, down - top
                x0, x1 = _reflected(left, width), _reflected(left + 1, width)
                y0, y1 = _reflected(top, height), _reflected(top + 1, height)
                for c in range(channels):
                    upper = images[n, y0, x0, c] * (1 - across) + images[n, y0, x1, c] * across
                    lower = images[n, y1, x0, c] * (1 - across) + images[n, y1, x1, c] * across
                    out[n, y, x, c] = upper * (1 - down) + lower * down
    return out
