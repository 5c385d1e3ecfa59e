"""Add weather to images: snow, frost, fog and spatter."""

from functools import cache, lru_cache
from importlib.util import find_spec
from pathlib import Path

import cv2
import numpy as np

from .draws import normals, uniforms
from .names import SMALL
from .primitives import compiled, to_levels, zoom_fields, zoomed
from .smear import line_weights, smear
from .smoothing import smooth_fields
from .streams import Source, Streams, integers, stacked

_TEXTURES = (
    'frost1.png', 'frost2.png', 'frost3.png', 'frost4.jpg', 'frost5.jpg', 'frost6.jpg'
)  # fmt: skip
_MARGIN = 1.1  # of a texture over the image, at least
_LARGEST_KEPT = 2  # larger enlargements are not kept in memory
_GREY = np.array([[0.299, 0.587, 0.114]], np.float32)
_WATER = np.array((175, 238, 238), np.float32) / 255  # pale turquoise
_MUD = np.array((63, 42, 20)) / 255
_EDGES = np.array([[-2, -1, 0], [-1, 1, 1], [0, 1, 2]], np.float32)
_FARTHEST = 20  # pixels


@compiled
def _fill(heights: np.ndarray, noise: np.ndarray, decay: float) -> None:
    """Fill a random height map by diamond-square, on a torus whose side is a power of two."""
    size = len(heights)
    heights[0, 0] = 0
    used, step, roughness = 0, size, 100.0
    while step >= 2:
        half = step // 2
        # Follow the reference's order: the centres of squares, then the midpoints of their upper
        # edges, then those of their left edges.
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
    """Sum the four heights at a distance, wrapping around the edges."""
    last = len(heights) - 1  # the size is a power of two
    up, down = (y - reach) & last, (y + reach) & last
    left, right = (x - reach) & last, (x + reach) & last
    if diagonally:
        return heights[up, left] + heights[up, right] + heights[down, left] + heights[down, right]
    return heights[up, x] + heights[down, x] + heights[y, left] + heights[y, right]


@cache
def _pictures() -> tuple[np.ndarray, ...]:
    """Read the frost pictures that come with ``imagecorruptions-imaug``, uint8 RGB."""
    # Only locate the library, because importing it takes a second.
    folder = Path(find_spec('imagecorruptions').origin).parent / 'frost'
    contents = (np.frombuffer((folder / name).read_bytes(), np.uint8) for name in _TEXTURES)
    return tuple(cv2.imdecode(x, cv2.IMREAD_COLOR)[..., ::-1].copy() for x in contents)


def frost_texture(index: int, height: int, width: int, scale: float) -> np.ndarray:
    """Scale a frost picture so that images can be cropped from it.

    Args:
        index (int): Index of the picture, 0 to 5.
        height (int): Height of the images, in pixels.
        width (int): Width of the images, in pixels.
        scale (float): Least scale of the picture. It is raised if the picture would otherwise
            not be a tenth higher and wider than the images.

    Returns:
        np.ndarray: The picture, uint8 RGB. (H, W, 3)
    """
    high, wide = _pictures()[index].shape[:2]
    scale = max(scale, _MARGIN * max(height / high, width / wide))
    return (_scaled if scale <= _LARGEST_KEPT else _scaled.__wrapped__)(index, scale)


@lru_cache(maxsize=24)
def _scaled(index: int, scale: float) -> np.ndarray:
    picture = _pictures()[index]
    if scale < 1:  # as CIFAR-10-C's script
        return cv2.resize(picture, (0, 0), fx=scale, fy=scale)
    high, wide = (int(np.ceil(n * scale)) for n in picture.shape[:2])  # as the library
    return cv2.resize(picture, (wide, high), interpolation=cv2.INTER_CUBIC)


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
    as_library: bool = False,
) -> np.ndarray:
    """Add falling snowflakes to the image, and make it paler.

    Args:
        images (np.ndarray): RGB images, uint8. (N, H, W, 3)
        streams (Streams): The images' randomness.
        mean (float): Mean of the noise that is thresholded to flakes.
        scale (float): Standard deviation of the noise.
        zoom (float): Zoom factor of the flakes, 1 or more.
        threshold (float): Threshold below which noise is not a flake.
        radius (int): Half the length of a flake's streak, in pixels.
        sigma (float): Standard deviation of the weights along the streak, in pixels.
        share (float): Weight of the image, in [0, 1]; its paler version has the rest.
        as_library (bool): Whether to round flakes to levels after they are smeared to streaks, as
            in ``imagecorruptions-imaug``, instead of truncating them before. Defaults to False.

    Returns:
        np.ndarray: New images of the same shape and type.
    """
    count, height, width, _ = images.shape
    large = max(height, width) > SMALL and not streams.follows_reference
    kind = np.float32 if large else np.float64
    # Draw only the part that the zoom uses, unless later draws depend on the number of draws.
    used = tuple(zoomed(n, zoom) if large else slice(n) for n in (height, width))

    def draw(rng: Source) -> np.ndarray:
        drawn = np.zeros(height * width + 1, kind)
        part = drawn[:-1].reshape(height, width)[used]
        part[:] = normals(rng, part.size, mean, scale).reshape(part.shape)
        drawn[-1] = rng.uniform(-135, -45)
        return drawn

    draws = streams.draw(count, draw)
    noise = draws[:, :-1].reshape(count, height, width)
    layers = zoom_fields(noise, zoom, centred=not as_library)
    _cut_flakes(layers.reshape(-1), threshold)
    layers = layers if as_library else to_levels(layers)
    weights = line_weights(radius, sigma, as_library).astype(kind)
    flakes = smear(layers[..., None], draws[:, -1], weights, ends=as_library)[..., 0]
    if as_library:
        flakes = np.rint(flakes[:, :height, :width] * 255).astype(np.uint8)
    x = images.astype(np.float32) / 255
    grey = cv2.transform(x.reshape(1, -1, 3), _GREY).reshape(count, height, width)
    return _under_flakes(x, grey, flakes, np.float32(share), np.float32(1 - share))


@compiled
def _cut_flakes(noise: np.ndarray, threshold: float) -> None:
    for i in range(noise.size):
        noise[i] = min(max(noise[i], 0.0), 1.0) if noise[i] >= threshold else 0.0


@compiled
def _under_flakes(
    images: np.ndarray, grey: np.ndarray, flakes: np.ndarray, share: float, paled: float
) -> np.ndarray:
    count, height, width, channels = images.shape
    out = np.empty(images.shape, np.uint8)
    pales, added = np.empty(width * channels, np.float32), np.empty(width * channels)
    for n in range(count):
        for y in range(height):
            # There are two layers; the second is the first rotated by 180 degrees.
            layer, turned = flakes[n, y], flakes[n, height - 1 - y]
            for x in range(width):
                pale = grey[n, y, x] * np.float32(1.5) + np.float32(0.5)
                both = layer[x] / 255 + turned[width - 1 - x] / 255
                for c in range(channels):
                    pales[x * channels + c], added[x * channels + c] = pale, both
            line = images[n, y].reshape(-1)
            _add_flakes(line, pales, added, share, paled, out[n, y].reshape(-1))
    return out


@compiled
def _add_flakes(
    line: np.ndarray,
    pales: np.ndarray,
    added: np.ndarray,
    share: float,
    paled: float,
    out: np.ndarray,
) -> None:
    for i in range(line.size):
        value = share * line[i] + paled * max(line[i], pales[i])
        out[i] = np.uint8(min(value + added[i], 1.0) * 255)


def frost(
    images: np.ndarray,
    streams: Streams,
    share: float,
    texture_share: float,
    scale: float = 0.2,
    textures: int = 5,
) -> np.ndarray:
    """Add a random crop of a frost picture, as frost on a window.

    Args:
        images (np.ndarray): RGB images, uint8. (N, H, W, 3)
        streams (Streams): The images' randomness.
        share (float): Weight of the image.
        texture_share (float): Weight of the frost.
        scale (float): Least scale of the pictures, see :func:`frost_texture`. Defaults to 0.2.
        textures (int): Number of the six pictures that are used. Defaults to 5.

    Returns:
        np.ndarray: New images of the same shape and type.
    """
    height, width = images.shape[1:3]

    def draw(rng: Source) -> np.ndarray:
        texture = frost_texture(int(integers(rng, 0, textures)), height, width, scale)
        top = integers(rng, 0, texture.shape[0] - height)
        left = integers(rng, 0, texture.shape[1] - width)
        return texture[top:top + height, left:left + width]

    pieces = streams.draw(len(images), draw)
    made = _add_levels(
        images.reshape(-1), pieces.reshape(-1), float(share), float(texture_share)
    )
    return made.reshape(images.shape)


@compiled
def _add_levels(
    one: np.ndarray, other: np.ndarray, share: float, other_share: float
) -> np.ndarray:
    out = np.empty_like(one)
    for i in range(one.size):
        out[i] = np.uint8(min(share * one[i] + other_share * other[i], 255.0))
    return out


def fog(images: np.ndarray, streams: Streams, strength: float, decay: float) -> np.ndarray:
    """Add clouds, then darken the whole image.

    Args:
        images (np.ndarray): RGB images, uint8. (N, H, W, 3)
        streams (Streams): The images' randomness.
        strength (float): Largest value of the clouds, as a fraction of white.
        decay (float): Factor by which their roughness falls from one scale to the next finer one.

    Returns:
        np.ndarray: New images of the same shape and type.
    """
    size = 1 << (max(images.shape[1:3]) - 1).bit_length()
    noise = streams.draw(len(images), lambda rng: uniforms(rng, size * size - 1))
    return _under_clouds(images, noise, size, float(strength), float(decay))


@compiled
def _under_clouds(
    images: np.ndarray, noise: np.ndarray, size: int, strength: float, decay: float
) -> np.ndarray:
    count, height, width, channels = images.shape
    out = np.empty_like(images)
    heights = np.empty((size, size), noise.dtype)
    cloud, clouds = np.empty(width, noise.dtype), np.empty(width * channels, noise.dtype)
    for n in range(count):
        _fill(heights, noise[n], decay)
        low, high = _range(heights)
        brightest = images[n].max() / 255
        for y in range(height):
            _scale_clouds(heights[y], low, high - low, strength, cloud)
            for x in range(width):
                for c in range(channels):
                    clouds[x * channels + c] = cloud[x]
            line = images[n, y].reshape(-1)
            _add_clouds(line, clouds, brightest, strength, out[n, y].reshape(-1))
    return out


# The compiler vectorises these loops only in functions of their own.
@compiled
def _range(lines: np.ndarray) -> tuple[float, float]:
    lowest, highest = lines[0].copy(), lines[0].copy()
    for y in range(len(lines)):
        line = lines[y]
        for x in range(line.size):
            lowest[x] = line[x] if line[x] < lowest[x] else lowest[x]
            highest[x] = line[x] if line[x] > highest[x] else highest[x]
    return lowest.min(), highest.max()


@compiled
def _scale_clouds(
    heights: np.ndarray, low: float, highest: float, strength: float, out: np.ndarray
) -> None:
    kind = out.dtype.type
    for x in range(out.size):
        out[x] = kind(strength) * ((heights[x] - low) / highest)


@compiled
def _add_clouds(
    line: np.ndarray, clouds: np.ndarray, brightest: float, strength: float, out: np.ndarray
) -> None:
    kind = clouds.dtype.type
    white, whole = kind(255), kind(brightest + strength)
    for i in range(line.size):
        value = (line[i] / white + clouds[i]) * kind(brightest) / whole
        out[i] = np.uint8(min(value, kind(1)) * white)


def spatter(
    images: np.ndarray,
    streams: Streams,
    mean: float,
    scale: float,
    sigma: float,
    threshold: float,
    strength: float,
    mud: int,
    as_library: bool = False,
) -> np.ndarray:
    """Add drops of water, which brighten the image, or of mud, which cover it.

    Args:
        images (np.ndarray): RGB images, uint8. (N, H, W, 3)
        streams (Streams): The images' randomness.
        mean (float): Mean of the noise that is thresholded to drops.
        scale (float): Standard deviation of the noise.
        sigma (float): Standard deviation of the filter over the noise, in pixels.
        threshold (float): Threshold below which noise is not a drop.
        strength (float): Brightness of water; for mud, the standard deviation of the filter over
            its edges, in pixels.
        mud (int): 1 for mud, 0 for water.
        as_library (bool): Whether to round the opacity of mud to float32, as
            ``imagecorruptions-imaug`` does. Defaults to False.

    Returns:
        np.ndarray: New images of the same shape and type.
    """
    count, height, width, _ = images.shape
    noise = streams.draw(count, lambda rng: normals(rng, height * width, mean, scale))
    noise = noise.reshape(count, height, width)
    if max(height, width) > SMALL and not streams.follows_reference:
        noise = noise.astype(np.float32)  # half of the work; a drop may be a pixel larger
    layers = smooth_fields(noise, sigma, 'nearest')
    x = images.astype(np.float32) / 255
    if mud:
        cover = smooth_fields((layers > threshold).astype(np.float64), strength, 'nearest')
        cover[cover < 0.8] = 0
        return _under_mud(x, cover.astype(np.float32) if as_library else cover, _MUD)
    cover = stacked(_water(layer, threshold) for layer in layers)
    return _under_water(x, np.float32(strength) * cover, _WATER)


@compiled
def _under_mud(images: np.ndarray, cover: np.ndarray, colour: np.ndarray) -> np.ndarray:
    count, height, width = cover.shape
    out = np.empty(images.shape, np.uint8)
    shares, tints = np.empty(3 * width, cover.dtype), np.empty(3 * width)
    for n in range(count):
        for y in range(height):
            for x in range(width):
                share = cover[n, y, x]
                for c in range(3):
                    shares[3 * x + c] = share
                    tints[3 * x + c] = colour[c] * share
            _mix(images[n, y].reshape(-1), shares, tints, out[n, y].reshape(-1))
    return out


# The compiler vectorises this loop only in a function of its own.
@compiled
def _mix(line: np.ndarray, shares: np.ndarray, tints: np.ndarray, out: np.ndarray) -> None:
    for i in range(line.size):
        value = line[i] * (1 - shares[i]) + tints[i]
        out[i] = np.uint8(min(value, 1.0) * 255)


@compiled
def _under_water(images: np.ndarray, cover: np.ndarray, colour: np.ndarray) -> np.ndarray:
    count, height, width = cover.shape
    out = np.empty(images.shape, np.uint8)
    light = np.empty(3 * width, np.float32)
    for n in range(count):
        for y in range(height):
            for x in range(width):
                for c in range(3):
                    light[3 * x + c] = cover[n, y, x] * colour[c]
            _add_light(images[n, y].reshape(-1), light, out[n, y].reshape(-1))
    return out


@compiled
def _add_light(line: np.ndarray, light: np.ndarray, out: np.ndarray) -> None:
    for i in range(line.size):
        out[i] = np.uint8(min(line[i] + light[i], np.float32(1)) * np.float32(255))


def _water(layer: np.ndarray, threshold: float) -> np.ndarray:
    """Compute the light that drops add, mostly near their lower right edges. In [0, 1]."""
    layer = (layer * (layer >= threshold) * 255).astype(np.uint8)
    distance = cv2.distanceTransform(255 - cv2.Canny(layer, 50, 150), cv2.DIST_L2, 5)
    distance = cv2.blur(np.minimum(distance, _FARTHEST), (3, 3)).astype(np.uint8)
    edges = cv2.filter2D(cv2.equalizeHist(distance), cv2.CV_8U, _EDGES)
    light = layer * cv2.blur(edges, (3, 3)).astype(np.float32)
    # A small image may have no drop.
    return light / max(light.max(), 1)
