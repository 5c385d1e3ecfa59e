"""Drops of water or mud on the lens."""

import cv2
import numpy as np

from .levels import over_channels, to_levels
from .linear_maps import smooth
from .streams import Streams

_WATER = np.array((175, 238, 238), np.float32) / 255  # pale turquoise
_MUD = np.array((63, 42, 20)) / 255
_EDGES = np.array([[-2, -1, 0], [-1, 1, 1], [0, 1, 2]], np.float32)
_FARTHEST = 20  # pixels


def spatter(
    images: np.ndarray,
    streams: Streams,
    mean: float,
    scale: float,
    sigma: float,
    threshold: float,
    strength: float,
    mud: int,
) -> np.ndarray:
    """Drops of water, which brighten, or of mud, which covers.

    Args:
        images (np.ndarray): uint8. (N, H, W, 3)
        streams (Streams): The images' randomness.
        mean (float): Of the noise that drops are cut from.
        scale (float): Its standard deviation.
        sigma (float): Standard deviation of the filter over it, in pixels.
        threshold (float): Noise below it is no drop.
        strength (float): Of water; of mud the standard deviation, in pixels, of
            the filter over its edges.
        mud (int): 1 for mud, 0 for water.

    Returns:
        np.ndarray: As the images.
    """
    noise = streams.draw(
        len(images), lambda rng: rng.normal(size=images.shape[1:3], loc=mean, scale=scale)
    )
    layers = smooth(noise, sigma, 'nearest')
    x = images.astype(np.float32) / 255
    if mud:
        drops = (layers > threshold).astype(np.float32)
        cover = smooth(drops, strength, 'nearest')
        cover[cover < 0.8] = 0
        cover = over_channels(cover)
        return to_levels(x * (1 - cover) + _tint(x, _MUD) * cover)
    cover = over_channels(np.stack([_water(layer, threshold) for layer in layers]))
    return to_levels(x + strength * cover * _tint(x, _WATER))


def _tint(x: np.ndarray, colour: np.ndarray) -> np.ndarray:
    return np.broadcast_to(np.tile(colour, x.shape[2]).reshape(-1, 3), x.shape)


def _water(layer: np.ndarray, threshold: float) -> np.ndarray:
    """How much light a drop adds: most near its lower right edge. In [0, 1]."""
    layer[layer < threshold] = 0
    layer = (layer * 255).astype(np.uint8)
    distance = cv2.distanceTransform(255 - cv2.Canny(layer, 50, 150), cv2.DIST_L2, 5)
    distance = cv2.blur(np.minimum(distance, _FARTHEST), (3, 3)).astype(np.uint8)
    edges = cv2.filter2D(cv2.equalizeHist(distance), cv2.CV_8U, _EDGES)
    light = layer * cv2.blur(edges, (3, 3)).astype(np.float32)
    # There may be no drop on a small image.
    return light / max(light.max(), 1)
