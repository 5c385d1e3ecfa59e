"""Apply digital corruptions to images: colour changes, pixelation, JPEG and elastic warping."""

from functools import lru_cache

import cv2
import numpy as np

from .draws import uniforms
from .names import SMALL
from .primitives import compiled, to_levels
from .smoothing import smooth_fields
from .streams import Streams


def pixelate(images: np.ndarray, factor: float, as_library: bool = False) -> np.ndarray:
    """Shrink the image with Pillow's box filter, and enlarge it again.

    Args:
        images (np.ndarray): RGB images, uint8. (N, H, W, 3)
        factor (float): Factor of the size, below 1.
        as_library (bool): Whether to enlarge with Pillow's nearest neighbours, as
            ``imagecorruptions-imaug`` does, and not with its box filter. A few pixels differ.
            Defaults to False.

    Returns:
        np.ndarray: New images of the same shape and type.
    """
    height, width = images.shape[1:3]
    rows = _boxes(height, int(height * factor), as_library)
    columns = _boxes(width, int(width * factor), as_library)
    return _pixelate(images, *rows, *columns)


@lru_cache(maxsize=64)
def _boxes(old: int, new: int, nearest: bool) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the first pixel and the end (exclusive) of each box, and the box of each pixel."""
    first, stop = _inside(old, new)
    if not nearest:
        return first, stop, _inside(new, old)[0]
    # Like Pillow, add up steps, which includes its rounding errors.
    steps = np.full(old, new / old)
    steps[0] *= 0.5
    return first, stop, np.add.accumulate(steps).astype(np.int64)


def _inside(old: int, new: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the first old pixel and the end (exclusive) of each new one. (new,), (new,)."""
    # These are Pillow's expressions, because the edge of a box may lie on a pixel's centre.
    scale = old / new
    centres, support = (np.arange(new)[:, None] + 0.5) * scale, 0.5 * max(scale, 1)
    first = np.maximum((centres - support + 0.5).astype(np.int64), 0)
    stop = np.minimum((centres + support + 0.5).astype(np.int64), old)
    near = first + np.arange((stop - first).max())
    place = (near - centres + 0.5) * (1 / max(scale, 1))
    inside = (near < stop) & (-0.5 < place) & (place <= 0.5)
    return np.where(inside, near, old).min(axis=1), np.where(inside, near, -1).max(axis=1) + 1


@compiled
def _pixelate(
    images: np.ndarray,
    top: np.ndarray,
    bottom: np.ndarray,
    row: np.ndarray,
    left: np.ndarray,
    right: np.ndarray,
    column: np.ndarray,
) -> np.ndarray:
    count, height, width, _ = images.shape
    out = np.empty_like(images)
    # Like Pillow, take rounded means along rows, then means of these down columns.
    narrow = np.empty((height, left.size, 3), np.uint8)
    sums = np.empty((left.size, 3), np.uint32)
    line = np.empty((width, 3), np.uint8)
    begin, end = (3 * left).astype(np.uint64), (3 * right).astype(np.uint64)
    across = np.empty(left.size, np.uint32)
    for j in range(left.size):
        across[j] = _share(right[j] - left[j])
    for n in range(count):
        for y in range(height):
            _mean_of_columns(images[n, y].reshape(-1), begin, end, across, narrow[y].reshape(-1))
        box = -1
        for y in range(height):
            if row[y] != box:
                box = row[y]
                _mean_of_rows(narrow, top[box], bottom[box], sums)
                for x in range(width):
                    j = column[x]
                    line[x, 0], line[x, 1], line[x, 2] = sums[j, 0], sums[j, 1], sums[j, 2]
            out[n, y] = line
    return out


_SHARE = 1 << 22  # Pillow's unit of weights


@compiled
def _share(count: int) -> int:
    return _SHARE // count + (_SHARE % count * 2 >= count)


@compiled
def _mean_of_columns(
    line: np.ndarray, begin: np.ndarray, end: np.ndarray, shares: np.ndarray, out: np.ndarray
) -> None:
    half, bits = np.uint32(_SHARE // 2), np.uint32(22)
    # Unsigned indices need no check for negative values.
    one, two, three = np.uint64(1), np.uint64(2), np.uint64(3)
    for j in range(shares.size):
        red, green, blue = np.uint32(0), np.uint32(0), np.uint32(0)
        x = begin[j]
        while x < end[j]:
            red += line[x]
            green += line[x + one]
            blue += line[x + two]
            x += three
        share = shares[j]
        out[3 * j] = np.uint32(red * share + half) >> bits
        out[3 * j + 1] = np.uint32(green * share + half) >> bits
        out[3 * j + 2] = np.uint32(blue * share + half) >> bits


@compiled
def _mean_of_rows(rows: np.ndarray, top: int, bottom: int, out: np.ndarray) -> None:
    flat = out.reshape(-1)
    flat[:] = 0
    for y in range(top, bottom):
        row = rows[y].reshape(-1)
        for i in range(flat.size):
            flat[i] += row[i]
    height = bottom - top
    share = np.uint32(_share(height))
    for i in range(flat.size):
        flat[i] = (flat[i] * share + np.uint32(_SHARE // 2)) >> np.uint32(22)


def brightness(images: np.ndarray, added: float) -> np.ndarray:
    """Raise the value in the HSV colour space (hue, saturation, value).

    Args:
        images (np.ndarray): RGB images, uint8. (N, H, W, 3)
        added (float): Amount added to the value, as a fraction of white.

    Returns:
        np.ndarray: New images of the same shape and type.
    """
    return _recolour(images.reshape(-1, 3), 1.0, 0.0, float(added)).reshape(images.shape)


def saturate(
    images: np.ndarray, factor: float, added: float, as_library: bool = False
) -> np.ndarray:
    """Change the saturation: colours get paler or stronger.

    Args:
        images (np.ndarray): RGB images, uint8. (N, H, W, 3)
        factor (float): Factor of the saturation.
        added (float): Amount added to the saturation after that. A grey pixel, which has no hue,
            turns red.
        as_library (bool): Whether to compute the hue, as scikit-image does, if the factor is a
            whole number and ``added`` is 0. New colours are then whole levels, and the last bits
            decide how they are truncated. Defaults to False.

    Returns:
        np.ndarray: New images of the same shape and type.
    """
    by_hue = as_library and factor % 1 == 0 and not added
    recolour = _recolour_by_hue if by_hue else _recolour
    return recolour(images.reshape(-1, 3), float(factor), float(added), 0.0).reshape(images.shape)


@compiled
def _recolour(
    pixels: np.ndarray, factor: float, added: float, added_value: float
) -> np.ndarray:
    # The hue does not change, so neither does each channel's position between the smallest and
    # the largest one. It need not be computed.
    out = np.empty_like(pixels)
    fractions = np.arange(256) / 255
    for i in range(len(pixels)):
        red, green, blue = fractions[pixels[i, 0]], fractions[pixels[i, 1]], fractions[pixels[i, 2]]
        top = max(red, green, blue)
        spread = top - min(red, green, blue)
        saturation = spread / top if top > 0 else 0.0
        saturation = min(max(saturation * factor + added, 0.0), 1.0)
        value = min(top + added_value, 1.0)
        if spread > 0:
            out[i, 0] = np.uint8(value * (1 - saturation * ((top - red) / spread)) * 255)
            out[i, 1] = np.uint8(value * (1 - saturation * ((top - green) / spread)) * 255)
            out[i, 2] = np.uint8(value * (1 - saturation * ((top - blue) / spread)) * 255)
        else:
            out[i] = np.uint8(value * (1 - saturation) * 255)
            out[i, 0] = np.uint8(value * 255)
    return out


@compiled
def _recolour_by_hue(
    pixels: np.ndarray, factor: float, added: float, added_value: float
) -> np.ndarray:
    out = np.empty_like(pixels)
    fractions = np.arange(256) / 255
    for i in range(len(pixels)):
        red, green, blue = fractions[pixels[i, 0]], fractions[pixels[i, 1]], fractions[pixels[i, 2]]
        top = max(red, green, blue)
        spread = top - min(red, green, blue)
        hue, saturation = 0.0, 0.0
        if spread > 0:
            saturation = spread / top
            if blue == top:
                hue = 4 + (red - green) / spread
            elif green == top:
                hue = 2 + (blue - red) / spread
            else:
                hue = (green - blue) / spread
        hue /= 6
        turn = (hue + 1 if hue < 0 else hue) * 6
        saturation = min(max(saturation * factor + added, 0.0), 1.0)
        value = min(top + added_value, 1.0)
        sector = int(turn)
        part = turn - sector
        sector %= 6  # by rounding it may be 6
        low = np.uint8(value * (1 - saturation) * 255)
        falling = np.uint8(value * (1 - part * saturation) * 255)
        rising = np.uint8(value * (1 - (1 - part) * saturation) * 255)
        high = np.uint8(value * 255)
        if sector == 0:
            out[i, 0], out[i, 1], out[i, 2] = high, rising, low
        elif sector == 1:
            out[i, 0], out[i, 1], out[i, 2] = falling, high, low
        elif sector == 2:
            out[i, 0], out[i, 1], out[i, 2] = low, high, rising
        elif sector == 3:
            out[i, 0], out[i, 1], out[i, 2] = low, falling, high
        elif sector == 4:
            out[i, 0], out[i, 1], out[i, 2] = rising, low, high
        else:
            out[i, 0], out[i, 1], out[i, 2] = high, low, falling
    return out


def contrast(images: np.ndarray, factor: float) -> np.ndarray:
    """Lower the contrast: values move towards their channel's mean.

    Args:
        images (np.ndarray): RGB images, uint8. (N, H, W, 3)
        factor (float): Factor of the distance to the mean.

    Returns:
        np.ndarray: New images of the same shape and type.
    """
    count, height, width, channels = images.shape
    pixels = images.reshape(count, height * width, channels)
    return _towards_means(pixels, float(factor)).reshape(images.shape)


@compiled
def _towards_means(images: np.ndarray, factor: float) -> np.ndarray:
    count, size, channels = images.shape
    out = np.empty_like(images)
    levels = np.empty((channels, 256), np.uint8)
    for n in range(count):
        red, green, blue = 0, 0, 0
        for i in range(size):
            red += images[n, i, 0]
            green += images[n, i, 1]
            blue += images[n, i, 2]
        for c, total in enumerate((red, green, blue)):
            mean = total / (255 * size)
            for level in range(256):
                x = (level / 255 - mean) * factor + mean
                levels[c, level] = np.uint8(min(max(x, 0), 1) * 255)
        reds, greens, blues = levels
        for i in range(size):
            out[n, i, 0] = reds[images[n, i, 0]]
            out[n, i, 1] = greens[images[n, i, 1]]
            out[n, i, 2] = blues[images[n, i, 2]]
    return out


def jpeg_compression(images: np.ndarray, quality: int) -> np.ndarray:
    """Compress images as JPEG, and decode them again.

    Args:
        images (np.ndarray): RGB images, uint8. (N, H, W, 3)
        quality (int): JPEG quality from 1 to 100.

    Returns:
        np.ndarray: New images of the same shape and type.
    """
    out = np.empty_like(images)
    for n, image in enumerate(_swap(images)):
        _, file = cv2.imencode('.jpg', image, (cv2.IMWRITE_JPEG_QUALITY, quality))
        out[n] = cv2.imdecode(file, cv2.IMREAD_COLOR)
    return _swap(out)


def _swap(images: np.ndarray) -> np.ndarray:
    """Convert RGB to BGR, which is OpenCV's order, or back."""
    return cv2.cvtColor(images.reshape(-1, 1, 3), cv2.COLOR_RGB2BGR).reshape(images.shape)


def elastic_transform(
    images: np.ndarray,
    streams: Streams,
    strength: float,
    sigma: float,
    shift: float | None,
) -> np.ndarray:
    """Apply a random affine map, then small random shifts that vary smoothly.

    Args:
        images (np.ndarray): RGB images, uint8. (N, H, W, 3)
        streams (Streams): The images' randomness.
        strength (float): Size of the small shifts before smoothing, as a fraction of the shorter
            side.
        sigma (float): Standard deviation of the filter that smooths them, as a
            fraction of the shorter side.
        shift (float, optional): Largest shift of each of the three points that define the affine
            map, as a fraction of the shorter side. With None there is no affine map,
            ``strength`` is a fraction of the height, and ``sigma`` a fraction of each side.

    Returns:
        np.ndarray: New images of the same shape and type.
    """
    height, width = images.shape[1:3]
    x = images.astype(np.float32) / 255
    if shift is None:
        fields = _fields(streams.draw(len(x), lambda rng: uniforms(rng, 2 * height * width)), x)
        fields = smooth_fields(fields, (sigma * height, sigma * width), 'reflect', truncate=3)
        return to_levels(_sample(x, (strength * height * fields).astype(np.float32)))
    side = min(height, width)
    # Six draws for the points, and two per pixel.
    draws = streams.draw(len(x), lambda rng: uniforms(rng, 6 + 2 * height * width))
    fields = smooth_fields(_fields(draws[:, 6:], x), sigma * side, 'reflect', truncate=3)
    moves = shift * side * (draws[:, :6] * 2 - 1).reshape(-1, 3, 2)
    shifts = (strength * side * fields).astype(np.float32)
    return to_levels(_sample(_move_corners(x, moves), shifts))


def _fields(draws: np.ndarray, images: np.ndarray) -> np.ndarray:
    """Scale numbers in [0, 1] to [-1, 1], and arrange them as fields. (N, 2, H, W)."""
    shape = (len(images), 2, *images.shape[1:3])
    large = max(shape) > SMALL
    return ((draws.astype(np.float32) if large else draws) * 2 - 1).reshape(shape)


def _move_corners(images: np.ndarray, moves: np.ndarray) -> np.ndarray:
    """Map images so that three corners of a central square move by (N, 3, 2) pixels."""
    height, width = images.shape[1:3]
    centre = np.array((height // 2, width // 2))
    square = min(height, width) // 3
    corners = (centre + square * np.array([(1, 1), (1, -1), (-1, -1)])).astype(np.float32)
    moved = np.empty_like(images)
    for image, move, out in zip(images, moves, moved, strict=True):
        matrix = cv2.getAffineTransform(corners, corners + move.astype(np.float32))
        size = width, height
        cv2.warpAffine(image, matrix, size, out, borderMode=cv2.BORDER_REFLECT_101)
    return moved


@compiled
def _reflected(i: int, size: int) -> int:
    while i < 0 or i >= size:
        i = -i - 1 if i < 0 else 2 * size - i - 1
    return i


@compiled
def _sample(images: np.ndarray, shifts: np.ndarray) -> np.ndarray:
    """Sample each pixel where its shift (right, down) leads, interpolating between four pixels."""
    count, height, width, channels = images.shape
    out = np.empty_like(images)
    for n in range(count):
        for y in range(height):
            for x in range(width):
                across, down = x + shifts[n, 0, y, x], y + shifts[n, 1, y, x]
                left, top = int(np.floor(across)), int(np.floor(down))
                across, down = across - left, down - top
                x0, x1 = _reflected(left, width), _reflected(left + 1, width)
                y0, y1 = _reflected(top, height), _reflected(top + 1, height)
                for c in range(3):
                    upper = images[n, y0, x0, c] * (1 - across) + images[n, y0, x1, c] * across
                    lower = images[n, y1, x0, c] * (1 - across) + images[n, y1, x1, c] * across
                    out[n, y, x, c] = upper * (1 - down) + lower * down
    return out
