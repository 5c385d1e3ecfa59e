"""Apply the corruptions of the C-Bar sets that bend, rotate or enlarge the image.

The formulas are those of Mintun et al. (2021), applied to whole arrays; the draws are our own.
The formulas are for square images. For others, we take lengths relative to the shorter side.
"""

from functools import lru_cache

import numpy as np
from scipy import ndimage

from .names import IMAGENET_SMALLEST
from .patterns import cut, pixels
from .streams import Source, Streams, integers


def pinch_and_twirl(images: np.ndarray, streams: Streams, strength: float) -> np.ndarray:
    """Pinch and twirl the disk in each square of a grid.

    There are 3 squares along the shorter side, or 5 from 128 pixels on. The authors use 3 at
    32 pixels and 5 at 224.

    Args:
        images (np.ndarray): RGB images, uint8. (N, H, W, 3)
        streams (Streams): The images' randomness, for the direction in which each disk is twirled.
        strength (float): 0 to 10, for a twirl of up to 90 degrees.

    Returns:
        np.ndarray: New images of the same shape and type.
    """
    y, x = pixels(images)
    side = min(images.shape[1:3])
    square = side // (5 if side >= IMAGENET_SMALLEST else 3)
    tiles = y.size // square, x.size // square
    row, column = np.minimum(y // square, tiles[0] - 1), np.minimum(x // square, tiles[1] - 1)
    down, across = y - (row + 0.5) * square, x - (column + 0.5) * square
    distance = np.hypot(down, across) / (square / 2)
    inside = (distance > 0) & (distance <= 1) & (y < tiles[0] * square) & (x < tiles[1] * square)
    near = np.where(inside, distance, 1)
    pinch = np.sin(np.pi / 2 * near) ** -(0.04 * strength + 0.1)
    twirl = strength / 10 * np.pi / 2 * (1 - near) ** 2

    def shifts(rng: Source) -> np.ndarray:
        angle = (2.0 * integers(rng, 0, 2, tiles) - 1)[row, column] * twirl
        cosine, sine = pinch * np.cos(angle), pinch * np.sin(angle)
        moves = (cosine - 1) * down - sine * across, (cosine - 1) * across + sine * down
        return np.where(inside, moves, 0)

    return cut(_moved(images, streams.draw(len(images), shifts)))


def ripple(images: np.ndarray, streams: Streams, strength: float) -> np.ndarray:
    """Shift rows and columns in waves; pixels from outside the image are black.

    Args:
        images (np.ndarray): RGB images, uint8. (N, H, W, 3)
        streams (Streams): The images' randomness.
        strength (float): 0 to 10, for an amplitude of up to 0.025 of the shorter side.

    Returns:
        np.ndarray: New images of the same shape and type.
    """
    places = pixels(images)
    side = min(images.shape[1:3])

    def shifts(rng: Source) -> np.ndarray:
        waves = rng.uniform(0.1, 0.3, 2) * side, rng.uniform(0, 2 * np.pi, 2)
        moves = [
            0.0025 * strength * side * np.sin(2 * np.pi * place / wave + phase)
            for place, wave, phase in zip(places, *waves, strict=True)
        ]
        return np.stack(np.broadcast_arrays(*moves))

    return cut(_moved(images, streams.draw(len(images), shifts)))


def caustic_refraction(images: np.ndarray, streams: Streams, strength: float) -> np.ndarray:
    """Distort and light the image as moving water does, with caustics as the water's surface.

    Args:
        images (np.ndarray): RGB images, uint8. (N, H, W, 3)
        streams (Streams): The images' randomness.
        strength (float): 0 to 10, for a depth of up to half the shorter side.

    Returns:
        np.ndarray: New images of the same shape and type.
    """
    side = min(images.shape[1:3])

    def surface(rng: Source) -> np.ndarray:
        time, size = rng.uniform(0.5, 2), rng.uniform(0.75, 1.25) * side
        height = ndimage.gaussian_filter(caustics(*pixels(images), time, size), 1)
        height = np.pad(height, 1)
        return np.stack((
            height[2:, 1:-1] - height[:-2, 1:-1],
            height[1:-1, 2:] - height[1:-1, :-2],
        ))  # fmt: skip

    slopes = streams.draw(len(images), surface)
    shifts = np.round(0.05 * strength * side * refracted(slopes), 3)
    light = 51 * strength * (slopes[:, 0] - slopes[:, 1])
    return cut(_moved(images, shifts) + light[..., None])


def caustics(y: np.ndarray, x: np.ndarray, time: float, size: float) -> np.ndarray:
    """Compute caustics, the web of light at the bottom of moving water.

    Args:
        y (np.ndarray): Rows. (H, 1)
        x (np.ndarray): Columns. (1, W)
        time (float): Time, roughly in seconds.
        size (float): Period of the web, in pixels.

    Returns:
        np.ndarray: Brightness from 0 to 1. (H, W)
    """
    start = [2 * np.pi * (axis / size % 1) - 250 for axis in (y, x)]
    down, across = start
    light = 1.0
    for turn in range(1, 6):
        t = time * (1 - 3.5 / turn)
        down, across = (
            start[0] + np.cos(t - down) + np.sin(t + across),
            start[1] + np.sin(t - across) + np.cos(t + down),
        )
        light += 1 / np.hypot(
            start[0] * 0.005 / np.sin(down + t), start[1] * 0.005 / np.cos(across + t)
        )
    return np.minimum(abs(1.17 - (light / 5) ** 1.4) ** 8, 1)


def refracted(slopes: np.ndarray, index: float = 4.0) -> np.ndarray:
    """Refract light that falls vertically on a surface, by Snell's law.

    Nearly flat parts, with a slope of less than 2.6 degrees, do not refract it.

    Args:
        slopes (np.ndarray): Slopes of the surface, down and across. (N, 2, H, W)
        index (float): Refractive index. Defaults to 4.

    Returns:
        np.ndarray: Components of the refracted unit vector, down and across. (N, 2, H, W)
    """
    upright = 1 / np.sqrt(1 + (slopes**2).sum(1, keepdims=True))
    normal = slopes * upright
    # In terms of the normal n and the incoming direction z, the vector is
    # cos(out) n + (z - cos(in) n) / index, turned to the side of the normal. The vertical z has
    # no component down or across.
    bent = np.sqrt(1 - (1 - upright**2) / index**2) - upright / index
    return np.where(upright < 0.999, normal * bent, 0)


def _moved(images: np.ndarray, shifts: np.ndarray) -> np.ndarray:
    """Sample each pixel where its shift (down, across) leads, interpolating between four pixels.

    Shifts are in pixels, and the outside is black. (N, H, W, 3), (N, 2, H, W) -> (N, H, W, 3)
    """
    out = np.empty(images.shape)
    for image, shift, moved in zip(images, shifts, out, strict=True):
        places = shift + np.indices(shift.shape[1:])
        for channel in range(3):
            # 'constant' would make a border of one pixel black.
            moved[..., channel] = ndimage.map_coordinates(
                image[..., channel], places, float, order=1, mode='grid-constant'
            )
    return out


_TURNS = np.linspace(-1, 1, 21)


def circular_motion_blur(images: np.ndarray, streams: Streams, strength: float) -> np.ndarray:
    """Blur by averaging 21 rotated images, with lower weights for larger angles.

    Args:
        images (np.ndarray): RGB images, uint8. (N, H, W, 3)
        streams (Streams): Unused, as nothing is random.
        strength (float): 0 to 10, for a rotation of up to 15 degrees.

    Returns:
        np.ndarray: New images of the same shape and type.
    """
    height, width = images.shape[1:3]
    angles = np.deg2rad(1.5 * strength * _TURNS)[:, None, None]
    down, across = (axis - (axis.size - 1) / 2 for axis in pixels(images))
    places = np.stack((
        np.cos(angles) * down + np.sin(angles) * across + (height - 1) / 2,
        np.cos(angles) * across - np.sin(angles) * down + (width - 1) / 2,
    ))  # fmt: skip
    weights = np.exp(-2 * _TURNS**2)
    weights /= weights.sum()
    out = np.empty(images.shape)
    for image, blurred in zip(images, out, strict=True):
        for channel in range(3):
            # All rotations share the coefficients of the cubic splines.
            splines = ndimage.spline_filter(image[..., channel].astype(float))
            turned = ndimage.map_coordinates(splines, places, prefilter=False)
            blurred[..., channel] = np.tensordot(weights, turned, 1)
    return cut(out)


def transverse_chromatic_abberation(
    images: np.ndarray, streams: Streams, strength: float
) -> np.ndarray:
    """Enlarge two of the colour channels, one of them by twice as much as the other.

    As in the authors' scripts, splines are fitted without the prefilter that makes them pass
    through the pixels. This smooths all three channels.

    Args:
        images (np.ndarray): RGB images, uint8. (N, H, W, 3)
        streams (Streams): The images' randomness, for the choice of the channels.
        strength (float): 0 to 10, for factors of up to 1.25 and 1.5.

    Returns:
        np.ndarray: New images of the same shape and type.
    """
    height, width = images.shape[1:3]
    factors = [1 + 0.05 * strength * part for part in (0, 0.5, 1)]
    zooms = [(_enlarging(height, factor), _enlarging(width, factor)) for factor in factors]
    orders = streams.draw(len(images), lambda rng: rng.permutation(3))
    out = np.empty(images.shape)
    for image, order, zoomed in zip(images, orders, out, strict=True):
        for channel, number in enumerate(order):
            down, across = zooms[number]
            zoomed[..., channel] = down @ image[..., channel] @ across.T
    return cut(out + 0.5)


@lru_cache(maxsize=64)
def _enlarging(size: int, factor: float) -> np.ndarray:
    """Compute the matrix that enlarges an axis and crops it to its middle. (size, size)."""
    columns = [ndimage.zoom(pixel, factor, prefilter=False) for pixel in np.eye(size)]
    edge = (columns[0].size - size) // 2
    return np.stack(columns, 1)[edge:edge + size]
