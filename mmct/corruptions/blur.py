"""Blur images: defocus, glass and zoom blur."""

from functools import lru_cache

import cv2
import numpy as np
from scipy import sparse

from .draws import words
from .names import SMALL
from .primitives import (
    BITS,
    LEVELS,
    compiled,
    to_fractions,
    to_levels,
    zoom_lines,
    zoom_matrix,
)
from .smoothing import gaussian_blur
from .streams import Source, Streams, integers, stacked


def defocus_blur(images: np.ndarray, radius: float, softness: float) -> np.ndarray:
    """Blur with a disk, as a lens out of focus does.

    Args:
        images (np.ndarray): RGB images, uint8. (N, H, W, 3)
        radius (float): Radius of the disk, in pixels.
        softness (float): Standard deviation of the filter that softens its edge, in pixels.

    Returns:
        np.ndarray: New images of the same shape and type.
    """
    kernel = _disk(radius, softness)
    if kernel.size <= 25:
        return to_levels(stacked(cv2.filter2D(x, -1, kernel) for x in to_fractions(images)))
    weights, flat, rounding = _quadrant(radius, softness)
    count, height, width, channels = images.shape
    border = (len(weights) - 1,) * 4
    padded = (cv2.copyMakeBorder(image, *border, cv2.BORDER_REFLECT_101) for image in images)
    lines = stacked(padded).reshape(count, height + 2 * border[0], -1)
    return _add_folded(lines, weights, flat, rounding, channels).reshape(images.shape)


@lru_cache(maxsize=32)
def _disk(radius: float, softness: float) -> np.ndarray:
    reach = max(8, int(np.ceil(radius)))
    along = np.arange(-reach, reach + 1)
    disk = (along[:, None] ** 2 + along**2 <= radius**2).astype(np.float32)
    size = 3 if radius <= 8 else 5
    disk = cv2.GaussianBlur(disk / disk.sum(), (size, size), sigmaX=softness)
    # Zeros around the disk would only cost time.
    used = np.flatnonzero(disk.any(axis=0))
    return np.ascontiguousarray(disk[used[0]:used[-1] + 1, used[0]:used[-1] + 1])


@lru_cache(maxsize=32)
def _quadrant(radius: float, softness: float) -> tuple[np.ndarray, np.ndarray, int]:
    """Return a quarter of the disk's weights, the levels of uniform images, and an error bound."""
    disk = _disk(radius, softness).astype(np.float64)
    middle, total = len(disk) // 2, disk.sum()
    weights = np.round(disk * 2**BITS).astype(np.int32)
    if abs(total - 1) > 1e-4:  # the disk's edge is reflected in it: an even image gets brighter
        return weights[middle:, middle:].copy(), LEVELS.astype(np.uint8), 0
    weights[middle, middle] += 2**BITS - weights.sum()
    # The last bits of the total decide whether a uniform image keeps its level.
    flat = np.minimum(LEVELS * total, 255).astype(np.uint8)
    return weights[middle:, middle:].copy(), flat, 2 ** (BITS - 10)


@compiled
def _add_folded(
    images: np.ndarray, weights: np.ndarray, flat: np.ndarray, rounding: int, channels: int
) -> np.ndarray:
    """Filter padded images with a kernel that is symmetric in both directions."""
    reach = len(weights) - 1
    margin = reach * channels
    count, height, width = len(images), images.shape[1] - 2 * reach, images.shape[2] - 2 * margin
    out = np.empty((count, height, width), np.uint8)
    folded = np.empty(width + 2 * margin, np.int32)
    sums = np.empty(width, np.int32)
    for n in range(count):
        for y in range(height):
            sums[:] = 0
            for down in range(reach + 1):
                _fold(images[n, y + reach - down], images[n, y + reach + down], folded)
                if down == 0:
                    folded //= 2
                _add_scaled(sums, folded[margin:margin + width], weights[down, 0])
                used = reach
                while used and not weights[down, used]:
                    used -= 1
                single = 1 + used % 3
                for right in range(1, single):
                    step = right * channels
                    one, other = folded[margin - step:], folded[margin + step:]
                    _add_pair(sums, one, other, weights[down, right])
                for right in range(single, used + 1, 3):
                    step = right * channels
                    _add_pairs(
                        sums,
                        folded[margin - step - 2 * channels:],
                        folded[margin + step:],
                        weights[down, right:right + 3],
                        channels,
                    )
            for i in range(width):
                level = min((sums[i] + rounding) >> BITS, 255)
                close = abs(sums[i] - (level << BITS)) <= rounding
                out[n, y, i] = flat[level] if close else level
    return out


@compiled
def _fold(one: np.ndarray, other: np.ndarray, sums: np.ndarray) -> None:
    for i in range(sums.size):
        sums[i] = np.int32(one[i]) + np.int32(other[i])


@compiled
def _add_scaled(sums: np.ndarray, one: np.ndarray, weight: int) -> None:
    for i in range(sums.size):
        sums[i] += np.int32(one[i] * weight)


@compiled
def _add_pair(sums: np.ndarray, one: np.ndarray, other: np.ndarray, weight: int) -> None:
    for i in range(sums.size):
        sums[i] += np.int32((one[i] + other[i]) * weight)


@compiled
def _add_pairs(
    sums: np.ndarray, left: np.ndarray, right: np.ndarray, weights: np.ndarray, step: int
) -> None:
    # Three at a time, as loading and storing the sums takes longer than the additions.
    w0, w1, w2 = weights
    left0, left1 = left[2 * step:], left[step:]
    right1, right2 = right[step:], right[2 * step:]
    for i in range(sums.size):
        sums[i] += (
            np.int32((left0[i] + right[i]) * w0)
            + np.int32((left1[i] + right1[i]) * w1)
            + np.int32((left[i] + right2[i]) * w2)
        )


def glass_blur(
    images: np.ndarray, streams: Streams, sigma: float, distance: int, rounds: int
) -> np.ndarray:
    """Displace pixels, as frosted glass does.

    The reference code is meant to swap a pixel with a nearby one. In fact it copies the nearby
    one, because both sides of its swap are views of one array. The published sets were made that
    way, and so this function copies, too.

    Args:
        images (np.ndarray): RGB images, uint8. (N, H, W, 3)
        streams (Streams): The images' randomness.
        sigma (float): Standard deviation of the filter before and after, in pixels.
        distance (int): Largest displacement down and across, in pixels.
        rounds (int): Number of passes over the image.

    Returns:
        np.ndarray: New images of the same shape and type.
    """
    count, height, width, _ = images.shape
    moves = (height - 2 * distance) * (width - 2 * distance) * rounds
    large = max(height, width) > SMALL

    def draw(rng: Source) -> np.ndarray:
        if large and not streams.follows_reference:
            return _choose(words(rng, moves), _steps(distance)).view((np.int8, 2))
        return integers(rng, -distance, distance, (moves, 2))

    blurred = gaussian_blur(images, sigma, fine=True)
    _scatter(blurred, streams.draw(count, draw), distance, rounds)
    return gaussian_blur(blurred, sigma, fine=True)


def _steps(distance: int) -> np.ndarray:
    """List all pairs of integers in [-distance, distance), as two bytes. (4 distance**2,)."""
    along = np.arange(-distance, distance, dtype=np.int8)
    pairs = np.stack(np.meshgrid(along, along, indexing='ij'), axis=-1)
    return pairs.reshape(-1).view(np.int16)


@compiled
def _choose(words: np.ndarray, items: np.ndarray) -> np.ndarray:
    """Choose an item for each word; chances are equal up to 2**-26."""
    chosen = np.empty(words.size, items.dtype)
    for i in range(words.size):
        chosen[i] = items[np.uint64(words[i]) * np.uint64(items.size) >> np.uint64(32)]
    return chosen


@compiled
def _scatter(images: np.ndarray, steps: np.ndarray, distance: int, rounds: int) -> None:
    count, height, width, _ = images.shape
    # Pack each pixel into one number, which is copied at once.
    pixels = np.empty(height * width, np.uint32)
    for n in range(count):
        values = images[n].reshape(-1, 3)
        for i in range(pixels.size):
            pixels[i] = values[i, 0] | values[i, 1] << 8 | values[i, 2] << 16
        move = 0
        for _ in range(rounds):
            for y in range(height - distance, distance, -1):
                for x in range(width - distance, distance, -1):
                    place = y * width + x
                    pixels[place] = pixels[place + steps[n, move, 1] * width + steps[n, move, 0]]
                    move += 1
        for i in range(pixels.size):
            values[i, 0] = pixels[i] & 255
            values[i, 1] = (pixels[i] >> 8) & 255
            values[i, 2] = pixels[i] >> 16


def zoom_blur(
    images: np.ndarray, end: float, step: float, as_library: bool = False
) -> np.ndarray:
    """Average over several zoom factors, as an approaching camera does.

    Args:
        images (np.ndarray): RGB images, uint8. (N, H, W, 3)
        end (float): End of the zoom factors, exclusive; they start at 1.
        step (float): Difference between two factors.
        as_library (bool): Whether each enlarged image is cropped only at the bottom and right, as
            in ``imagecorruptions-imaug``, and not on all sides. Defaults to False.

    Returns:
        np.ndarray: New images of the same shape and type.
    """
    count, height, width, channels = images.shape
    x = to_fractions(images).astype(np.float32)
    if as_library or max(height, width) > SMALL:
        rows, down = _zoom_steps(height, end, step, not as_library)
        columns, across = _zoom_steps(width, end, step, not as_library)
        lines = x.reshape(count, height, width * channels)
        return _add_zooms(lines, rows, down, columns, across).reshape(images.shape)
    planes = x.transpose(1, 2, 0, 3).reshape(height * width, -1)
    mixed = _zoom_mix(height, width, end, step) @ planes
    shape = (height, width, count, channels)
    return to_levels(mixed.reshape(shape).transpose(2, 0, 1, 3))


@lru_cache(maxsize=16)
def _zoom_mix(height: int, width: int, end: float, step: float) -> sparse.csr_array:
    """Compute the weight of each pixel in each new pixel. (H W, H W)."""
    factors = np.arange(1, end, step)
    total = sparse.eye_array(height * width, format='csr')
    for factor in factors:
        total += sparse.kron(zoom_matrix(height, factor), zoom_matrix(width, factor), format='csr')
    return (total / (len(factors) + 1)).astype(np.float32)


@lru_cache(maxsize=32)
def _zoom_steps(
    size: int, end: float, step: float, centred: bool
) -> tuple[np.ndarray, np.ndarray]:
    """Return the first of two pixels, and both weights, per factor. (F, size), (F, size, 2)."""
    steps = [zoom_lines(size, factor, centred) for factor in np.arange(1, end, step)]
    first, weights = ([part[:size] for part in parts] for parts in zip(*steps, strict=True))
    return np.stack(first), np.stack(weights)


@compiled
def _add_zooms(
    images: np.ndarray,
    rows: np.ndarray,
    down: np.ndarray,
    columns: np.ndarray,
    across: np.ndarray,
) -> np.ndarray:
    """Average images and their zooms in float32, as the reference does; return levels."""
    count, height, width = images.shape
    last, share = height - 1, np.float32(len(rows) + 1)
    out = np.empty(images.shape, np.uint8)
    line = np.zeros(width + 3)
    sums = np.empty(width, np.float32)
    for n in range(count):
        for y in range(height):
            sums[:] = 0
            for f in range(len(rows)):
                upper, lower = images[n, rows[f, y]], images[n, min(rows[f, y] + 1, last)]
                _mix_lines(line, upper, lower, down[f, y])
                _add_mixed(sums, line, columns[f], across[f])
            for i in range(width):
                mean = (images[n, y, i] + sums[i]) / share
                out[n, y, i] = min(max(mean, np.float32(0)), np.float32(1)) * np.float32(255)
    return out


@compiled
def _mix_lines(
    out: np.ndarray, one: np.ndarray, other: np.ndarray, weights: np.ndarray
) -> None:
    w0, w1 = weights
    for i in range(one.size):
        out[i] = one[i] * w0 + other[i] * w1


@compiled
def _add_mixed(
    sums: np.ndarray, line: np.ndarray, columns: np.ndarray, weights: np.ndarray
) -> None:
    for x in range(columns.size):
        i, w0, w1 = 3 * columns[x], weights[x, 0], weights[x, 1]
        sums[3 * x] += np.float32(line[i] * w0 + line[i + 3] * w1)
        sums[3 * x + 1] += np.float32(line[i + 1] * w0 + line[i + 4] * w1)
        sums[3 * x + 2] += np.float32(line[i + 2] * w0 + line[i + 5] * w1)
