"""Apply the corruptions of the C-Bar sets that hide parts of the image.

The formulas are those of Mintun et al. (2021), applied to whole arrays; the draws are our own.
"""

import numpy as np

from .patterns import cut, frequencies, pixels, spectral_noise
from .streams import Source, Streams

_GREY = 128


def blue_noise_sample(images: np.ndarray, streams: Streams, strength: float) -> np.ndarray:
    """Blacken pixels where blue noise, strongest in high frequencies, is low.

    Args:
        images (np.ndarray): RGB images, uint8. (N, H, W, 3)
        streams (Streams): The images' randomness.
        strength (float): 0 to 10, for a threshold from -2.5 to 0.5 standard deviations.

    Returns:
        np.ndarray: New images of the same shape and type.
    """
    spectrum = frequencies(*images.shape[1:3])
    noise = streams.draw(len(images), lambda rng: spectral_noise(rng, spectrum))
    return images * (noise > 0.3 * strength - 2.5)[..., None]


def checkerboard_cutout(images: np.ndarray, streams: Streams, strength: float) -> np.ndarray:
    """Grey out squares of a randomly rotated checkerboard.

    Args:
        images (np.ndarray): RGB images, uint8. (N, H, W, 3)
        streams (Streams): The images' randomness.
        strength (float): 0 to 10; the fraction of black squares, in tenths.

    Returns:
        np.ndarray: New images of the same shape and type.
    """
    y, x = pixels(images)
    sides = images.shape[1:3]

    def hidden(rng: Source) -> np.ndarray:
        angle, square = rng.uniform(0, 2 * np.pi), max(rng.uniform(0.1, 0.25) * min(sides), 1)
        # The rotated board extends to negative coordinates, which index from the array's end.
        chosen = rng.uniform(size=2 * (int(4 * max(sides) / square),)) < strength / 10
        row = (np.cos(angle) * y + np.sin(angle) * x) / square
        column = (np.cos(angle) * x - np.sin(angle) * y) / square
        black = np.floor(row) % 2 == np.floor(column) % 2
        return black & chosen[row.astype(int), column.astype(int)]

    return np.where(streams.draw(len(images), hidden)[..., None], np.uint8(_GREY), images)


def lines(images: np.ndarray, streams: Streams, strength: float) -> np.ndarray:
    """Draw grey lines across the image, in directions around a random one.

    Args:
        images (np.ndarray): RGB images, uint8. (N, H, W, 3)
        streams (Streams): The images' randomness.
        strength (float): 0 to 10, for up to one line per pixel of the shorter side. There is
            always at least one.

    Returns:
        np.ndarray: New images of the same shape and type.
    """
    y, x = pixels(images)
    height, width = images.shape[1:3]
    side = min(height, width)

    def drawn(rng: Source) -> np.ndarray:
        main, spread = rng.uniform(0, 2 * np.pi), rng.uniform(0.1, 1)
        clear = np.ones((height, width))
        for _ in range(max(int(strength / 10 * side), 1)):
            middle = np.array((rng.uniform(0, height), rng.uniform(0, width)))
            angle = main + spread * rng.uniform(-np.pi, np.pi)
            half = side * np.array((np.sin(angle), np.cos(angle)))
            clear *= 1 - _line(y, x, np.trunc(middle - half), np.trunc(middle + half))
        return 1 - clear

    opacity = streams.draw(len(images), drawn)[..., None]
    return cut(images + opacity * (_GREY - images.astype(float)))


def _line(y: np.ndarray, x: np.ndarray, start: np.ndarray, end: np.ndarray) -> np.ndarray:
    """Compute the opacity of a smooth line: 1 minus the distance to it, or 0. (H, W)."""
    length = np.hypot(*(end - start))
    down, across = (end - start) / length
    beside = abs((y - start[0]) * across - (x - start[1]) * down)
    along = (y - start[0]) * down + (x - start[1]) * across
    return np.maximum(1 - beside, 0) * ((along >= -0.5) & (along <= length + 0.5))
