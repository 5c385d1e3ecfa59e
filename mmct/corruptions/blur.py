"""Blur: normal (Gaussian), defocus, glass, motion and zoom."""

from functools import lru_cache

import cv2
import numpy as np
from scipy import sparse

from .primitives import compiled, to_fractions, to_levels, zoom_matrix
from .streams import Streams, integers


def smooth_images(images: np.ndarray, sigma: float) -> np.ndarray:
    """Filter with a normal kernel of 4 standard deviations; outside the edge goes on.

    To the bit what ``scipy.ndimage.gaussian_filter`` makes, which takes several
    times as long: levels are cut off afterwards, so that a last bit can be a level.

    Args:
        images (np.ndarray): float64. (N, H, W, C)
        sigma (float): Standard deviation in pixels.

    Returns:
        np.ndarray: As the images.
    """
    count, height, width, channels = images.shape
    lines = images.reshape(count, height, width * channels)
    return _smooth(lines, _half_kernel(sigma), channels).reshape(images.shape)


@lru_cache(maxsize=32)
def _half_kernel(sigma: float) -> np.ndarray:
    """The middle weight and those after it."""
    radius = int(4 * sigma + 0.5)
    kernel = np.exp(-0.5 / (sigma * sigma) * np.arange(-radius, radius + 1) ** 2)
    return (kernel / kernel.sum())[radius:]


@compiled
def _smooth(images: np.ndarray, weights: np.ndarray, channels: int) -> np.ndarray:
    count, height, width = images.shape
    radius = weights.size - 1
    margin = radius * channels
    out = np.empty_like(images)
    line = np.empty(width + 2 * margin)
    middle = line[margin:margin + width]
    for n in range(count):
        image = images[n]
        for y in range(height):
            middle[:] = image[y] * weights[0]
            for k in range(radius, 0, -1):
                _add(middle, image[max(y - k, 0)], image[min(y + k, height - 1)], weights[k])
            for k in range(radius):
                for c in range(channels):
                    line[k * channels + c] = middle[c]
                    line[margin + width + k * channels + c] = middle[width - channels + c]
            out[n, y] = middle * weights[0]
            for k in range(radius, 0, -1):
                left, right = line[margin - k * channels:], line[margin + k * channels:]
                _add(out[n, y], left, right, weights[k])
    return out


@compiled
def _add(sums: np.ndarray, one: np.ndarray, other: np.ndarray, weight: float) -> None:
    # On its own, the compiler makes vector instructions of it.
    for i in range(sums.size):
        sums[i] += (one[i] + other[i]) * weight


def smear(images: np.ndarray, angles: np.ndarray, radius: int, sigma: float) -> np.ndarray:
    """Average each pixel with those behind it on a line.

    The weights are one half of a normal distribution; the line's points are
    rounded to pixels, and outside the image the edge goes on.

    Args:
        images (np.ndarray): uint8. (N, H, W, C)
        angles (np.ndarray): Of each image's line, in degrees. (N,)
        radius (int): Half the line's length, in pixels.
        sigma (float): Standard deviation of the weights, in pixels.

    Returns:
        np.ndarray: As the images, cut off to levels.
    """
    steps = np.arange(2 * radius + 1)
    weights = np.exp(-0.5 * (steps / sigma) ** 2)
    weights /= weights.sum()
    radians = np.deg2rad(angles)[:, None]
    rows = np.ceil(steps * np.sin(radians) - 0.5).astype(np.int64)
    columns = np.ceil(steps * np.cos(radians) - 0.5).astype(np.int64)
    count, height, width, channels = images.shape
    lines = images.reshape(count, height, width * channels)
    return _smear(lines, rows, columns * channels, weights, channels).reshape(images.shape)


@compiled
def _smear(
    images: np.ndarray, rows: np.ndarray, shifts: np.ndarray, weights: np.ndarray, channels: int
) -> np.ndarray:
    count, height, width = images.shape
    out = np.empty_like(images)
    sums = np.empty(width)
    for n in range(count):
        for y in range(height):
            sums[:] = 0
            for k in range(weights.size):
                line = images[n, min(max(y + rows[n, k], 0), height - 1)]
                shift = shifts[n, k]
                # Of these values the source is inside; beyond, the edge goes on.
                begin = min(max(-shift, 0), width)
                end = max(min(width - shift, width), begin)
                for x in range(0, begin, channels):
                    for c in range(channels):
                        sums[x + c] += weights[k] * line[c]
                inside, source = sums[begin:end], line[begin + shift:end + shift]
                for i in range(inside.size):
                    inside[i] += weights[k] * source[i]
                for x in range(end, width, channels):
                    for c in range(channels):
                        sums[x + c] += weights[k] * line[width - channels + c]
            for i in range(width):
                out[n, y, i] = np.uint8(sums[i])
    return out


def gaussian_blur(images: np.ndarray, sigma: float) -> np.ndarray:
    """Blur with a normal (Gaussian) filter.

    Args:
        images (np.ndarray): uint8. (N, H, W, 3)
        sigma (float): Standard deviation in pixels.

    Returns:
        np.ndarray: As the images.
    """
    return to_levels(smooth_images(to_fractions(images), sigma))


def defocus_blur(images: np.ndarray, radius: float, softness: float) -> np.ndarray:
    """Blur with a disk, as a lens out of focus does.

    Args:
        images (np.ndarray): uint8. (N, H, W, 3)
        radius (float): Of the disk, in pixels.
        softness (float): Standard deviation of the filter over its edge.

    Returns:
        np.ndarray: As the images.
    """
    kernel = _disk(radius, softness)
    return to_levels(np.stack([cv2.filter2D(x, -1, kernel) for x in to_fractions(images)]))


@lru_cache(maxsize=32)
def _disk(radius: float, softness: float) -> np.ndarray:
    reach = max(8, int(np.ceil(radius)))
    along = np.arange(-reach, reach + 1)
    disk = (along[:, None] ** 2 + along**2 <= radius**2).astype(np.float32)
    size = 3 if radius <= 8 else 5
    disk = cv2.GaussianBlur(disk / disk.sum(), (size, size), sigmaX=softness)
    # Zeros around it would only cost time.
    used = np.flatnonzero(disk.any(axis=0))
    return np.ascontiguousarray(disk[used[0]:used[-1] + 1, used[0]:used[-1] + 1])


def glass_blur(
    images: np.ndarray, streams: Streams, sigma: float, distance: int, rounds: int
) -> np.ndarray:
    """Put pixels out of place, as frosted glass does.

    The reference means to swap a pixel with a near one. What it does is to copy
    the near one (both sides of its swap are views of one array), and the
    published sets are made so.

    Args:
        images (np.ndarray): uint8. (N, H, W, 3)
        streams (Streams): The images' randomness.
        sigma (float): Standard deviation of the filter before and after, in pixels.
        distance (int): How far a pixel is taken from, in pixels.
        rounds (int): How often.

    Returns:
        np.ndarray: As the images.
    """
    count, height, width, _ = images.shape
    moves = (height - 2 * distance) * (width - 2 * distance) * rounds
    blurred = gaussian_blur(images, sigma)
    steps = streams.draw(count, lambda rng: integers(rng, -distance, distance, (moves, 2)))
    _scatter(blurred, steps, distance, rounds)
    return gaussian_blur(blurred, sigma)


@compiled
def _scatter(images: np.ndarray, steps: np.ndarray, distance: int, rounds: int) -> None:
    count, height, width, channels = images.shape
    for n in range(count):
        move = 0
        for _ in range(rounds):
            for y in range(height - distance, distance, -1):
                for x in range(width - distance, distance, -1):
                    from_x, from_y = x + steps[n, move, 0], y + steps[n, move, 1]
                    move += 1
                    for c in range(channels):
                        images[n, y, x, c] = images[n, from_y, from_x, c]


def motion_blur(
    images: np.ndarray, streams: Streams, radius: int, sigma: float
) -> np.ndarray:
    """Blur along a line of at most 45 degrees, as a moving camera does.

    Args:
        images (np.ndarray): uint8. (N, H, W, 3)
        streams (Streams): The images' randomness.
        radius (int): Half the line's length, in pixels.
        sigma (float): Standard deviation of the weights, in pixels.

    Returns:
        np.ndarray: As the images.
    """
    angles = streams.draw(len(images), lambda rng: rng.uniform(-45, 45))
    return smear(images, angles, radius, sigma)


def zoom_blur(images: np.ndarray, end: float, step: float) -> np.ndarray:
    """Average over a zoom, as a camera that comes nearer does.

    Args:
        images (np.ndarray): uint8. (N, H, W, 3)
        end (float): The zoom's end, which is not reached; it starts at 1.
        step (float): Between two factors.

    Returns:
        np.ndarray: As the images.
    """
    count, height, width, channels = images.shape
    x = to_fractions(images).astype(np.float32)
    planes = x.transpose(1, 2, 0, 3).reshape(height * width, -1)
    mixed = _zoom_mix(height, width, end, step) @ planes
    shape = (height, width, count, channels)
    return to_levels(mixed.reshape(shape).transpose(2, 0, 1, 3))


@lru_cache(maxsize=16)
def _zoom_mix(height: int, width: int, end: float, step: float) -> sparse.csr_array:
    """Weight of each pixel in each new pixel. (H W, H W)."""
    factors = np.arange(1, end, step)
    total = sparse.eye_array(height * width, format='csr')
    for factor in factors:
        total += sparse.kron(zoom_matrix(height, factor), zoom_matrix(width, factor), format='csr')
    return (total / (len(factors) + 1)).astype(np.float32)
