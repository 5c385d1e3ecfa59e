"""Weather: snow, frost and fog."""

import cv2
import numpy as np

from .frost_textures import frost_textures
from .levels import over_channels, to_fractions, to_levels
from .linear_maps import zoom_matrix
from .motion import smear
from .plasma import plasma
from .streams import Source, Streams, integers


def snow(
    images: np.ndarray,
    streams: Streams,
    mean: float,
    scale: float,
    zoom: float,
    threshold: float,
    radius: int,
    sigma: float,
    share: float,
) -> np.ndarray:
    """Flakes that fall, over an image that pales.

    Args:
        images (np.ndarray): uint8. (N, H, W, 3)
        streams (Streams): The images' randomness.
        mean (float): Of the noise that flakes are cut from.
        scale (float): Its standard deviation.
        zoom (float): The flakes' size.
        threshold (float): Noise below it is no flake.
        radius (int): Half the length that a flake falls, in pixels.
        sigma (float): Standard deviation of the weights along it, in pixels.
        share (float): Of the image; the rest is paled.

    Returns:
        np.ndarray: As the images.
    """
    count, height, width, _ = images.shape

    def draw(rng: Source) -> np.ndarray:
        drawn = np.empty(height * width + 1)
        drawn[:-1] = rng.normal(size=height * width, loc=mean, scale=scale)
        drawn[-1] = rng.uniform(-135, -45)
        return drawn

    draws = streams.draw(count, draw)
    layers = draws[:, :-1].reshape(count, height, width)
    layers = zoom_matrix(height, zoom) @ layers @ zoom_matrix(width, zoom).T
    layers[layers < threshold] = 0
    flakes = smear(to_levels(layers)[..., None], draws[:, -1], radius, sigma)[..., 0]
    # Two layers: the second is the first upside down.
    flakes = to_fractions(flakes) + to_fractions(flakes[:, ::-1, ::-1])

    x = images.astype(np.float32) / 255
    grey = cv2.transform(x.reshape(1, -1, 3), _GREY).reshape(count, height, width)
    x = share * x + (1 - share) * np.maximum(x, over_channels(grey * 1.5 + 0.5))
    return to_levels(x + over_channels(flakes))


_GREY = np.array([[0.299, 0.587, 0.114]], np.float32)


def frost(
    images: np.ndarray, streams: Streams, share: float, texture_share: float
) -> np.ndarray:
    """Frost on a window: a piece of a picture of frost is added.

    Args:
        images (np.ndarray): uint8, smaller than the pictures. (N, H, W, 3)
        streams (Streams): The images' randomness.
        share (float): Of the image.
        texture_share (float): Of the frost.

    Returns:
        np.ndarray: As the images.

    Raises:
        ValueError: If a picture of frost is smaller than the images.
    """
    height, width = images.shape[1:3]
    textures = frost_textures()
    largest = [min(t.shape[axis] for t in textures) - 1 for axis in (0, 1)]
    if height > largest[0] or width > largest[1]:
        raise ValueError(
            f'frost: images of {height} x {width} px are larger than the textures of the '
            f'cifar table, {largest[0]} x {largest[1]} px: take table imagenet'
        )

    def draw(rng: Source) -> np.ndarray:
        texture = textures[integers(rng, 0, len(textures))]
        top = integers(rng, 0, texture.shape[0] - height)
        left = integers(rng, 0, texture.shape[1] - width)
        return texture[top:top + height, left:left + width]

    pieces = streams.draw(len(images), draw)
    return np.clip(share * images + texture_share * pieces, 0, 255).astype(np.uint8)


def fog(images: np.ndarray, streams: Streams, strength: float, decay: float) -> np.ndarray:
    """A cloud that is added, after which the image is darkened as a whole.

    Args:
        images (np.ndarray): uint8. (N, H, W, 3)
        streams (Streams): The images' randomness.
        strength (float): The cloud's largest value, as a fraction of white.
        decay (float): By what its roughness falls from one scale to the next.

    Returns:
        np.ndarray: As the images.
    """
    count, height, width, _ = images.shape
    size = 1 << (max(height, width) - 1).bit_length()
    clouds = over_channels(plasma(count, size, decay, streams)[:, :height, :width])
    x = to_fractions(images)
    brightest = x.max(axis=(1, 2, 3), keepdims=True)
    return to_levels((x + strength * clouds) * brightest / (brightest + strength))
