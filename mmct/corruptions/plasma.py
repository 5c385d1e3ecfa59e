"""Random height maps for fog: the diamond-square algorithm, over a torus."""

import numpy as np

from .compiled import compiled
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
    maps = np.zeros((count, size, size))
    _fill(maps, draws, float(decay))
    maps -= maps.min(axis=(1, 2), keepdims=True)
    maps /= maps.max(axis=(1, 2), keepdims=True)
    return maps


@compiled
def _fill(maps: np.ndarray, draws: np.ndarray, decay: float) -> None:
    size = maps.shape[1]
    for heights, noise in zip(maps, draws):  # noqa: B905 (not known to the compiler)
        used, step, roughness = 0, size, 100.0
        while step >= 2:
            half = step // 2
            # In the reference's order: the middles of squares, then those of
            # their upper edges, then those of their left edges.
            for top, left in ((half, half), (0, half), (half, 0)):
                for y in range(top, size, step):
                    for x in range(left, size, step):
                        total = _around(heights, y, x, half, top == left)
                        # The reference multiplies by the roughness twice.
                        rough = roughness * (2 * roughness * noise[used] - roughness)
                        heights[y, x] = total / 4 + rough
                        used += 1
            step, roughness = half, roughness / decay


@compiled
def _around(heights: np.ndarray, y: int, x: int, reach: int, diagonally: bool) -> float:
    """Sum of the four heights at a distance, round the edges."""
    last = len(heights) - 1  # the size is a power of two
    up, down = (y - reach) & last, (y + reach) & last
    left, right = (x - reach) & last, (x + reach) & last
    if diagonally:
        return heights[up, left] + heights[up, right] + heights[down, left] + heights[down, right]
    return heights[up, x] + heights[down, x] + heights[y, left] + heights[y, right]
