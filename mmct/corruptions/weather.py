"""Weather: snow, frost, fog and spatter."""

from functools import cache
from importlib import resources

import cv2
import numpy as np

from .blur import line_weights, smear
from .primitives import compiled, over_channels, smooth, to_fractions, to_levels, zoom_matrix
from .streams import Source, Streams, integers

# A sixth comes with them, which the reference never draws.
_TEXTURES = ('frost1.png', 'frost2.png', 'frost3.png', 'frost4.jpg', 'frost5.jpg')
_TEXTURE_SCALE = 0.2
_GREY = np.array([[0.299, 0.587, 0.114]], np.float32)
_WATER = np.array((175, 238, 238), np.float32) / 255  # pale turquoise
_MUD = np.array((63, 42, 20)) / 255
_EDGES = np.array([[-2, -1, 0], [-1, 1, 1], [0, 1, 2]], np.float32)
_FARTHEST = 20  # pixels


def plasma(count: int, size: int, decay: float, streams: Streams) -> np.ndarray:
    """Draw a random height map for each image: diamond-square, over a torus.

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


@cache
def frost_textures() -> tuple[np.ndarray, ...]:
    """Read the textures, at the scale of small images.

    They come with ``imagecorruptions-imaug``.

    Returns:
        tuple[np.ndarray, ...]: uint8, RGB. Each (H, W, 3)
    """
    folder = resources.files('imagecorruptions') / 'frost'
    return tuple(_texture((folder / name).read_bytes()) for name in _TEXTURES)


def _texture(content: bytes) -> np.ndarray:
    picture = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR)
    return cv2.resize(picture, (0, 0), fx=_TEXTURE_SCALE, fy=_TEXTURE_SCALE)[..., ::-1].copy()


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
    """Let flakes fall over the image, and pale it.

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
    flakes = smear(to_levels(layers)[..., None], draws[:, -1], line_weights(radius, sigma))[..., 0]
    # Two layers: the second is the first upside down.
    flakes = to_fractions(flakes) + to_fractions(flakes[:, ::-1, ::-1])

    x = images.astype(np.float32) / 255
    grey = cv2.transform(x.reshape(1, -1, 3), _GREY).reshape(count, height, width)
    x = share * x + (1 - share) * np.maximum(x, over_channels(grey * 1.5 + 0.5))
    return to_levels(x + over_channels(flakes))


def frost(
    images: np.ndarray, streams: Streams, share: float, texture_share: float
) -> np.ndarray:
    """Add a piece of a picture of frost, as on a window.

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
    """Add a cloud, then darken the image as a whole.

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
    """Add drops of water, which brighten, or of mud, which covers.

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
    """Light that a drop adds, most near its lower right edge. In [0, 1]."""
    layer[layer < threshold] = 0
    layer = (layer * 255).astype(np.uint8)
    distance = cv2.distanceTransform(255 - cv2.Canny(layer, 50, 150), cv2.DIST_L2, 5)
    distance = cv2.blur(np.minimum(distance, _FARTHEST), (3, 3)).astype(np.uint8)
    edges = cv2.filter2D(cv2.equalizeHist(distance), cv2.CV_8U, _EDGES)
    light = layer * cv2.blur(edges, (3, 3)).astype(np.float32)
    # There may be no drop on a small image.
    return light / max(light.max(), 1)
