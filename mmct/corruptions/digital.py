"""Corruptions by processing: colours, pixels, JPEG and warping."""

from functools import lru_cache

import cv2
import numpy as np

from .primitives import compiled, smooth, to_levels
from .streams import Streams


def pixelate(images: np.ndarray, factor: float) -> np.ndarray:
    """Make the image smaller and large again, with Pillow's box filter.

    Args:
        images (np.ndarray): uint8. (N, H, W, 3)
        factor (float): Of the size.

    Returns:
        np.ndarray: As the images.
    """
    height, width = images.shape[1:3]
    rows, columns = _boxes(height, int(height * factor)), _boxes(width, int(width * factor))
    return _pixelate(images, *rows, *columns)


@lru_cache(maxsize=64)
def _boxes(old: int, new: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """First and last + 1 of the pixels that make a box, and the box of each pixel."""
    shrunk, enlarged = _inside(old, new), _inside(new, old)
    first = shrunk.argmax(axis=1)
    return first, first + shrunk.sum(axis=1), enlarged.argmax(axis=1)


def _inside(old: int, new: int) -> np.ndarray:
    """Share of each old pixel in each new one. (new, old)."""
    # Pillow's expressions: an edge of a box may lie on the middle of a pixel.
    scale = old / new
    centres = (np.arange(new)[:, None] + 0.5) * scale
    place = (np.arange(old) - centres + 0.5) * (1 / max(scale, 1))
    return (-0.5 < place) & (place <= 0.5)


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
    count, height, width, channels = images.shape
    out = np.empty_like(images)
    # As Pillow: means along rows, rounded, then means of these down columns.
    narrow = np.empty((height, left.size, channels), np.uint8)
    small = np.empty((left.size, channels), np.uint8)
    for n in range(count):
        for y in range(height):
            for j in range(left.size):
                for c in range(channels):
                    total = np.uint32(0)
                    for x in range(left[j], right[j]):
                        total += images[n, y, x, c]
                    narrow[y, j, c] = _rounded(total, right[j] - left[j])
        box = -1
        for y in range(height):
            if row[y] != box:
                box = row[y]
                for j in range(left.size):
                    for c in range(channels):
                        total = np.uint32(0)
                        for k in range(top[box], bottom[box]):
                            total += narrow[k, j, c]
                        small[j, c] = _rounded(total, bottom[box] - top[box])
            for x in range(width):
                for c in range(channels):
                    out[n, y, x, c] = small[column[x], c]
    return out


@compiled
def _rounded(total: int, count: int) -> int:
    return total if count == 1 else (2 * total + count) // (2 * count)


def brightness(images: np.ndarray, added: float) -> np.ndarray:
    """Raise the value of hue, saturation and value.

    Args:
        images (np.ndarray): uint8. (N, H, W, 3)
        added (float): To the value, as a fraction of white.

    Returns:
        np.ndarray: As the images.
    """
    return _recolour(images.reshape(-1, 3), 1.0, 0.0, float(added)).reshape(images.shape)


def saturate(images: np.ndarray, factor: float, added: float) -> np.ndarray:
    """Change the saturation: colours get paler or stronger.

    Args:
        images (np.ndarray): uint8. (N, H, W, 3)
        factor (float): Of the saturation.
        added (float): To it then. A grey pixel, which has no hue, turns red.

    Returns:
        np.ndarray: As the images.
    """
    return _recolour(images.reshape(-1, 3), float(factor), float(added), 0.0).reshape(images.shape)


@compiled
def _recolour(
    pixels: np.ndarray, factor: float, added: float, added_value: float
) -> np.ndarray:
    # Hue stays, so that each channel's place between the smallest and the
    # largest one stays: no hue need be computed.
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


def contrast(images: np.ndarray, factor: float) -> np.ndarray:
    """Lower the contrast: values move towards their channel's mean.

    Args:
        images (np.ndarray): uint8. (N, H, W, 3)
        factor (float): Of the distance to the mean.

    Returns:
        np.ndarray: As the images.
    """
    count, height, width, channels = images.shape
    pixels = images.reshape(count, height * width, channels)
    return _towards_means(pixels, float(factor)).reshape(images.shape)


@compiled
def _towards_means(images: np.ndarray, factor: float) -> np.ndarray:
    count, size, channels = images.shape
    out = np.empty_like(images)
    sums = np.empty(channels, np.int64)
    for n in range(count):
        sums[:] = 0
        for i in range(size):
            for c in range(channels):
                sums[c] += images[n, i, c]
        means = sums / (255 * size)
        for i in range(size):
            for c in range(channels):
                x = (images[n, i, c] / 255 - means[c]) * factor + means[c]
                out[n, i, c] = np.uint8(min(max(x, 0), 1) * 255)
    return out


def jpeg_compression(images: np.ndarray, quality: int) -> np.ndarray:
    """Write and read a JPEG.

    Args:
        images (np.ndarray): uint8. (N, H, W, 3)
        quality (int): 1 to 100.

    Returns:
        np.ndarray: As the images.
    """
    out = np.empty_like(images)
    for n, image in enumerate(_swap(images)):
        _, file = cv2.imencode('.jpg', image, (cv2.IMWRITE_JPEG_QUALITY, quality))
        out[n] = cv2.imdecode(file, cv2.IMREAD_COLOR)
    return _swap(out)


def _swap(images: np.ndarray) -> np.ndarray:
    """RGB to BGR, which is OpenCV's order, and back."""
    return cv2.cvtColor(images.reshape(-1, 1, 3), cv2.COLOR_RGB2BGR).reshape(images.shape)


def elastic_transform(
    images: np.ndarray, streams: Streams, strength: float, sigma: float, shift: float
) -> np.ndarray:
    """Apply a random affine map, then small random shifts that vary smoothly.

    Args:
        images (np.ndarray): uint8. (N, H, W, 3)
        streams (Streams): The images' randomness.
        strength (float): Of the small shifts, as a fraction of the shorter side.
        sigma (float): Standard deviation of the filter that smooths them, as a
            fraction of the shorter side.
        shift (float): Largest shift of each of the affine map's three points,
            as a fraction of the shorter side.

    Returns:
        np.ndarray: As the images.
    """
    count, height, width, _ = images.shape
    side = min(height, width)
    square = side // 3
    centre = np.array((height // 2, width // 2))
    corners = (centre + square * np.array([(1, 1), (1, -1), (-1, -1)])).astype(np.float32)

    # Six for the points, and two a pixel.
    draws = streams.draw(count, lambda rng: rng.random(6 + 2 * height * width)) * 2 - 1
    fields = draws[:, 6:].reshape(count, 2, height, width)
    shifts = strength * side * smooth(fields, sigma * side, 'reflect', truncate=3)
    shifts = shifts.astype(np.float32)
    x = images.astype(np.float32) / 255
    moved = shift * side * draws[:, :6].reshape(count, 3, 2)
    moved = corners + moved.astype(np.float32)
    warped = np.empty_like(x)
    for n in range(count):
        warped[n] = cv2.warpAffine(
            x[n],
            cv2.getAffineTransform(corners, moved[n]),
            (width, height),
            borderMode=cv2.BORDER_REFLECT_101,
        )
    return to_levels(_sample(warped, shifts))


@compiled
def _reflected(i: int, size: int) -> int:
    while i < 0 or i >= size:
        i = -i - 1 if i < 0 else 2 * size - i - 1
    return i


@compiled
def _sample(images: np.ndarray, shifts: np.ndarray) -> np.ndarray:
    """Each pixel from where its shift (right, down) leads, between four pixels."""
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
                for c in range(channels):
                    upper = images[n, y0, x0, c] * (1 - across) + images[n, y0, x1, c] * across
                    lower = images[n, y1, x0, c] * (1 - across) + images[n, y1, x1, c] * across
                    out[n, y, x, c] = upper * (1 - down) + lower * down
    return out
