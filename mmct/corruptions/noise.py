"""Add noise that acts on each value independently, as a channel from grey level to grey level.

The 256 x 256 probabilities that level i becomes level j describe such noise completely. For any
distribution, one 32-bit word per value suffices to draw from them (alias method; Walker, 1977).
"""

from collections.abc import Callable
from functools import lru_cache

import numpy as np
from scipy import stats

from .draws import words
from .primitives import LEVELS, compiled, to_fractions, to_levels
from .streams import Streams

# The upper 8 bits of a word choose a column, and the lower 24 bits decide between the column and
# its alias. The upper 24 bits of a table entry bound the column's share, and the lower 8 bits are
# the alias.
_LOW = (1 << 24) - 1


def additive_channel(scales: np.ndarray) -> np.ndarray:
    """Compute the channel of additive normal noise that is truncated to levels.

    Args:
        scales (np.ndarray): Standard deviation at each level, in levels. (256,)

    Returns:
        np.ndarray: Probability of each new level, given each old level. (256, 256)
    """
    # Truncation: level j is [j, j + 1), values below 1 become 0, and values from 255 on 255.
    upper = np.append(LEVELS[1:], np.inf)
    noisy = scales > 0
    channel = np.eye(256)
    below = stats.norm.cdf(upper, loc=LEVELS[noisy, None], scale=scales[noisy, None])
    channel[noisy] = np.diff(below, axis=1, prepend=0)
    return channel


def poisson_channel(photons: float) -> np.ndarray:
    """Compute the channel of Poisson noise.

    Args:
        photons (float): Mean count at white.

    Returns:
        np.ndarray: Probability of each new level, given each old level. (256, 256)
    """
    counts = np.arange(int(np.ceil(photons)) + 1)
    level = (np.minimum(counts / photons, 1) * 255).astype(int)
    means = LEVELS[:, None] / 255 * photons
    channel = np.zeros((256, 256))
    np.add.at(channel.T, level, stats.poisson.pmf(counts, means).T)
    channel[:, 255] += stats.poisson.sf(counts[-1], means[:, 0])
    return channel


def replacing_channel(share: float) -> np.ndarray:
    """Compute the channel that replaces values with black or white, equally often.

    Args:
        share (float): Fraction of values to replace, in [0, 1].

    Returns:
        np.ndarray: Probability of each new level, given each old level. (256, 256)
    """
    channel = np.eye(256) * (1 - share)
    channel[:, [0, 255]] += share / 2
    return channel


@lru_cache(maxsize=32)
def alias_table(probabilities: Callable[..., np.ndarray], *parameters: float) -> np.ndarray:
    """Compute the alias table of a channel, for drawing from it.

    Args:
        probabilities (Callable): Function that computes the (256, 256) probabilities.
        *parameters (float): Arguments of the function.

    Returns:
        np.ndarray: The table, uint32. (256, 256)
    """
    return _fill(probabilities(*parameters))


@compiled
def _fill(channel: np.ndarray) -> np.ndarray:
    table = np.empty((256, 256), np.uint32)
    for row in range(256):
        share = channel[row] / channel[row].sum() * 256
        small = [j for j in range(256) if share[j] < 1]
        large = [j for j in range(256) if share[j] >= 1]
        for j in range(256):
            table[row, j] = _LOW << 8 | j  # its own alias
        while small and large:
            j, giver = small.pop(), large[-1]
            table[row, j] = min(round(share[j] * (_LOW + 1)), _LOW) << 8 | giver
            share[giver] -= 1 - share[j]
            if share[giver] < 1:
                small.append(large.pop())
    return table


def through_channel(images: np.ndarray, streams: Streams, table: np.ndarray) -> np.ndarray:
    """Draw a new level for each value from its channel.

    Args:
        images (np.ndarray): Images, uint8. (N, ...)
        streams (Streams): The images' randomness.
        table (np.ndarray): The table from :func:`alias_table`. (256, 256)

    Returns:
        np.ndarray: New images of the same shape and type.
    """
    size = images[:1].size
    drawn = streams.draw(len(images), lambda rng: words(rng, size)).reshape(-1)
    out = np.empty_like(images)
    _send(images.reshape(-1), drawn, table, out.reshape(-1))
    return out


@compiled
def _send(values: np.ndarray, words: np.ndarray, table: np.ndarray, out: np.ndarray) -> None:
    low, flat = np.uint32(_LOW), table.reshape(-1)
    # Unsigned indices need no check for negative values.
    for i in range(values.size):
        word = words[i]
        column = word >> np.uint32(24)
        entry = flat[np.uint32(values[i]) << np.uint32(8) | column]
        kept = (word & low) < entry >> np.uint32(8)
        out[i] = column if kept else entry & np.uint32(255)


def gaussian_noise(images: np.ndarray, streams: Streams, scale: float) -> np.ndarray:
    """Add normal noise, as a sensor in low light does.

    Args:
        images (np.ndarray): RGB images, uint8. (N, H, W, 3)
        streams (Streams): The images' randomness.
        scale (float): Standard deviation, as a fraction of white.

    Returns:
        np.ndarray: New images of the same shape and type.
    """
    if not streams.follows_reference:
        return through_channel(images, streams, alias_table(_gaussian, scale))
    return to_levels(to_fractions(images) + _normal(images, streams, scale))


def speckle_noise(images: np.ndarray, streams: Streams, scale: float) -> np.ndarray:
    """Add normal noise that is proportional to the value.

    Args:
        images (np.ndarray): RGB images, uint8. (N, H, W, 3)
        streams (Streams): The images' randomness.
        scale (float): Standard deviation, as a fraction of the value.

    Returns:
        np.ndarray: New images of the same shape and type.
    """
    if not streams.follows_reference:
        return through_channel(images, streams, alias_table(_speckle, scale))
    x = to_fractions(images)
    return to_levels(x + x * _normal(images, streams, scale))


def shot_noise(images: np.ndarray, streams: Streams, photons: float) -> np.ndarray:
    """Add Poisson noise, as low photon counts do.

    Args:
        images (np.ndarray): RGB images, uint8. (N, H, W, 3)
        streams (Streams): The images' randomness.
        photons (float): Mean count at white.

    Returns:
        np.ndarray: New images of the same shape and type.
    """
    if not streams.follows_reference:
        return through_channel(images, streams, alias_table(poisson_channel, photons))
    means = iter(to_fractions(images) * photons)
    counts = streams.draw(len(images), lambda rng: rng.poisson(next(means)))
    return to_levels(counts / photons)


def impulse_noise(images: np.ndarray, streams: Streams, share: float) -> np.ndarray:
    """Replace values with black or white, as transmission errors do.

    The draws of the reference cannot be reproduced, because it calls scikit-image, which now uses
    its own generator.

    Args:
        images (np.ndarray): RGB images, uint8. (N, H, W, 3)
        streams (Streams): The images' randomness.
        share (float): Fraction of values to replace, in [0, 1].

    Returns:
        np.ndarray: New images of the same shape and type.
    """
    return through_channel(images, streams, alias_table(replacing_channel, share))


def _gaussian(scale: float) -> np.ndarray:
    return additive_channel(np.full(256, 255 * scale))


def _speckle(scale: float) -> np.ndarray:
    return additive_channel(LEVELS * scale)


def _normal(images: np.ndarray, streams: Streams, scale: float) -> np.ndarray:
    return streams.draw(len(images), lambda rng: rng.normal(size=images.shape[1:], scale=scale))
