"""Blur images along a line, as motion does."""

import numpy as np

from .names import SMALL
from .primitives import BITS, LEVELS, compiled
from .streams import Streams


def line_weights(radius: int, sigma: float, as_library: bool = False) -> np.ndarray:
    """Compute one half of a normal distribution, along a line.

    Args:
        radius (int): Half the line's length, in pixels.
        sigma (float): Standard deviation, in pixels.
        as_library (bool): Whether the last bits match those of ``imagecorruptions-imaug``; they
            decide which level a uniform image gets. Defaults to False.

    Returns:
        np.ndarray: Weights that sum to 1, float64. (2 radius + 1,)
    """
    steps = np.arange(2 * radius + 1)
    if as_library:
        weights = np.exp(-(steps**2) / (2 * sigma**2)) / (np.sqrt(2 * np.pi) * sigma)
    else:
        weights = np.exp(-0.5 * (steps / sigma) ** 2)
    return weights / weights.sum()


def smear(
    images: np.ndarray,
    angles: np.ndarray,
    weights: np.ndarray,
    ends: bool = False,
    out: type | None = None,
) -> np.ndarray:
    """Average each pixel with the pixels along a line that starts at it.

    The points on the line are rounded to pixels. Edge pixels repeat outside the image.

    Args:
        images (np.ndarray): Images, uint8 or floats. (N, H, W, C)
        angles (np.ndarray): Angle of each image's line, in degrees. (N,)
        weights (np.ndarray): Weights of the points along the line; sums have their type. (K,)
        ends (bool): Whether points that are a full height or width away get no weight, without
            the others being scaled up. Defaults to False.
        out (type, optional): Type of the result; conversion to integers truncates. Defaults to
            None, the images' type.

    Returns:
        np.ndarray: New images of the same shape.
    """
    steps = np.arange(weights.size)
    radians = np.deg2rad(angles)[:, None]
    rows = np.ceil(steps * np.sin(radians) - 0.5).astype(np.int64)
    columns = np.ceil(steps * np.cos(radians) - 0.5).astype(np.int64)
    count, height, width, channels = images.shape
    weights = np.tile(weights, (count, 1))
    if ends:
        weights[(abs(rows) >= height) | (abs(columns) >= width)] = 0
    lines = images.reshape(count, height, width * channels)
    smeared = np.empty(lines.shape, out or images.dtype)
    _smear(lines, rows, columns, weights, channels, smeared)
    return smeared.reshape(images.shape)


@compiled
def _smear(
    images: np.ndarray,
    rows: np.ndarray,
    columns: np.ndarray,
    weights: np.ndarray,
    channels: int,
    out: np.ndarray,
) -> None:
    count, height, width = images.shape
    sums = np.empty(width, weights.dtype)
    places = np.empty(weights.shape[1], np.int64)
    for n in range(count):
        padded, top, left = _padded(images[n], rows[n], columns[n] * channels, channels)
        stride = padded.shape[1]
        flat = padded.reshape(-1)
        for k in range(places.size):
            places[k] = (top + rows[n, k]) * stride + left + columns[n, k] * channels
        for y in range(height):
            start = y * stride
            sums[:] = 0
            rest = places.size % 4
            for k in range(rest):
                begin = start + places[k]
                _add_one(sums, flat[begin:begin + width], weights[n, k])
            for k in range(rest, places.size, 4):
                a, b, c, d = places[k:k + 4]
                _add_four(
                    sums,
                    flat[start + a:start + a + width],
                    flat[start + b:start + b + width],
                    flat[start + c:start + c + width],
                    flat[start + d:start + d + width],
                    weights[n, k:k + 4],
                )
            for i in range(width):
                out[n, y, i] = sums[i]


@compiled
def _padded(
    image: np.ndarray, rows: np.ndarray, shifts: np.ndarray, channels: int
) -> tuple[np.ndarray, int, int]:
    """Pad an image with its edge as far as the shifts reach; return its top and left, too."""
    height, width = image.shape
    top, bottom = max(-rows.min(), 0), max(rows.max(), 0)
    left, right = max(-shifts.min(), 0), max(shifts.max(), 0)
    padded = np.empty((top + height + bottom, left + width + right), image.dtype)
    for y in range(len(padded)):
        line = image[min(max(y - top, 0), height - 1)]
        for x in range(0, left, channels):
            padded[y, x:x + channels] = line[:channels]
        padded[y, left:left + width] = line
        for x in range(left + width, padded.shape[1], channels):
            padded[y, x:x + channels] = line[width - channels:]
    return padded, top, left


# The compiler vectorises these loops only in functions of their own. Adding four at a time
# saves loads and stores of the sums, which take longer than the additions.
@compiled
def _add_one(sums: np.ndarray, a: np.ndarray, weight: float) -> None:
    kind = sums.dtype.type
    for i in range(sums.size):
        sums[i] += kind(weight * kind(a[i]))


@compiled
def _add_four(
    sums: np.ndarray, a: np.ndarray, b: np.ndarray, c: np.ndarray, d: np.ndarray, w: np.ndarray
) -> None:
    w0, w1, w2, w3 = w
    kind = sums.dtype.type
    for i in range(sums.size):
        one, two = kind(w0 * kind(a[i])), kind(w1 * kind(b[i]))
        three, four = kind(w2 * kind(c[i])), kind(w3 * kind(d[i]))
        sums[i] = (((sums[i] + one) + two) + three) + four


def motion_blur(
    images: np.ndarray, streams: Streams, radius: int, sigma: float, as_library: bool = False
) -> np.ndarray:
    """Blur along a line that is tilted by at most 45 degrees, as a moving camera does.

    Args:
        images (np.ndarray): RGB images, uint8. (N, H, W, 3)
        streams (Streams): The images' randomness.
        radius (int): Half the line's length, in pixels.
        sigma (float): Standard deviation of the weights, in pixels.
        as_library (bool): Whether the line ends at the length of the image's height or width, as
            in ``imagecorruptions-imaug``. Defaults to False.

    Returns:
        np.ndarray: New images of the same shape and type.
    """
    angles = streams.draw(len(images), lambda rng: rng.uniform(-45, 45))
    weights = line_weights(radius, sigma, as_library)
    # Lines that end early, and the steep weights of other tables, need full precision.
    if not as_library or min(images.shape[1:3]) <= max(SMALL, weights.size):
        return smear(images, angles, weights, ends=as_library)
    whole = np.round(weights * 2**BITS).astype(np.int32)
    whole[0] += 2**BITS - whole.sum()
    # The last bits of their sum decide whether uniform areas keep their level.
    flat = np.cumsum(weights * LEVELS[:, None], axis=1)[:, -1].astype(np.uint8)
    sums = smear(images, angles, whole, out=np.int32)
    return _cut_whole(sums.reshape(-1), flat).reshape(images.shape)


@compiled
def _cut_whole(sums: np.ndarray, flat: np.ndarray) -> np.ndarray:
    levels = np.empty(sums.size, np.uint8)
    for i in range(sums.size):
        level = sums[i] >> BITS
        levels[i] = flat[level] if sums[i] == level << BITS else level
    return levels
