"""Noise: each value changes on its own.

Where the draws of the reference are asked for, noise is added to the image as
the reference does; else the value goes through a channel of the same
probabilities, which takes one draw a value and no arithmetic.
"""

import numpy as np

from .level_channel import (
    LEVELS,
    additive_channel,
    alias_table,
    poisson_channel,
    replacing_channel,
    through_channel,
)
from .levels import to_fractions, to_levels
from .streams import Streams


def gaussian_noise(images: np.ndarray, streams: Streams, scale: float) -> np.ndarray:
    """Normal noise, as of a sensor in low light.

    Args:
        images (np.ndarray): uint8. (N, H, W, 3)
        streams (Streams): The images' randomness.
        scale (float): Standard deviation, as a fraction of white.

    Returns:
        np.ndarray: As the images.
    """
    if not streams.follows_reference:
        return through_channel(images, streams, alias_table(_gaussian, scale))
    return to_levels(to_fractions(images) + _normal(images, streams, scale))


def speckle_noise(images: np.ndarray, streams: Streams, scale: float) -> np.ndarray:
    """Normal noise in proportion to the value.

    Args:
        images (np.ndarray): uint8. (N, H, W, 3)
        streams (Streams): The images' randomness.
        scale (float): Standard deviation, as a fraction of the value.

    Returns:
        np.ndarray: As the images.
    """
    if not streams.follows_reference:
        return through_channel(images, streams, alias_table(_speckle, scale))
    x = to_fractions(images)
    return to_levels(x + x * _normal(images, streams, scale))


def shot_noise(images: np.ndarray, streams: Streams, photons: float) -> np.ndarray:
    """Poisson noise, as of few photons.

    Args:
        images (np.ndarray): uint8. (N, H, W, 3)
        streams (Streams): The images' randomness.
        photons (float): Mean count at white.

    Returns:
        np.ndarray: As the images.
    """
    if not streams.follows_reference:
        return through_channel(images, streams, alias_table(poisson_channel, photons))
    means = iter(to_fractions(images) * photons)
    counts = streams.draw(len(images), lambda rng: rng.poisson(next(means)))
    return to_levels(counts / photons)


def impulse_noise(images: np.ndarray, streams: Streams, share: float) -> np.ndarray:
    """Values that are black or white, as of errors in transmission.

    The draws of the reference cannot be followed: scikit-image, which it calls,
    now has a generator of its own.

    Args:
        images (np.ndarray): uint8. (N, H, W, 3)
        streams (Streams): The images' randomness.
        share (float): How many values, in [0, 1].

    Returns:
        np.ndarray: As the images.
    """
    return through_channel(images, streams, alias_table(replacing_channel, share))


def _gaussian(scale: float) -> np.ndarray:
    return additive_channel(np.full(256, 255 * scale))


def _speckle(scale: float) -> np.ndarray:
    return additive_channel(LEVELS * scale)


def _normal(images: np.ndarray, streams: Streams, scale: float) -> np.ndarray:
    return streams.draw(len(images), lambda rng: rng.normal(size=images.shape[1:], scale=scale))
