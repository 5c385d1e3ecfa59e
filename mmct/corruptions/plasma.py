"""Random height maps for fog: the diamond-square algorithm, over a torus."""

import numpy as np

from .streams import Streams


def plasma(count: int, size: int, decay: float, streams: Streams) -> np.ndarray:
    """A map for each image.

    Args:
        count (int): The number N of images.
        size (int): Pixels along a side, a power of two.
        decay (float): By what the roughness is divided from one scale to the next.
        streams (Streams): The images' randomness.

    Returns:
        np.ndarray: Heights in [0, 1], each map from 0 to 1. (N, size, size)
    """
    draws = streams.draw(count, lambda rng: rng.random(size * size - 1))
    used = 0
    maps = np.zeros((count, size, size))
    step, roughness = size, 100.0

    def mean_and_noise(total: np.ndarray) -> np.ndarray:
        nonlocal used
        values = total[0].size
        noise = draws[:, used:used + values].reshape(total.shape)
        used += values
        # The reference multiplies by the roughness twice.
        return total / 4 + roughness * (2 * roughness * noise - roughness)

    while step >= 2:
        half = step // 2
        corners = maps[:, ::step, ::step]
        total = corners + np.roll(corners, -1, axis=1)
        total += np.roll(total, -1, axis=2)
        maps[:, half::step, half::step] = mean_and_noise(total)

        centres = maps[:, half::step, half::step]
        corners = maps[:, ::step, ::step]
        maps[:, ::step, half::step] = mean_and_noise(
            centres + np.roll(centres, 1, axis=1) + corners + np.roll(corners, -1, axis=2)
        )
        maps[:, half::step, ::step] = mean_and_noise(
            centres + np.roll(centres, 1, axis=2) + corners + np.roll(corners, -1, axis=1)
        )
        step, roughness = half, roughness / decay

    maps -= maps.min(axis=(1, 2), keepdims=True)
    return maps / maps.max(axis=(1, 2), keepdims=True)
