"""Map names of corruptions to functions, and call these with the parameters of a table."""

from collections.abc import Callable

import numpy as np

from .blur import defocus_blur, glass_blur, zoom_blur
from .c_bar import C_BAR, strength
from .cifar import CIFAR_TABLE, Rows
from .digital import (
    brightness,
    contrast,
    elastic_transform,
    jpeg_compression,
    pixelate,
    saturate,
)
from .imagenet import AS_LIBRARY, IMAGENET_TABLE
from .noise import gaussian_noise, impulse_noise, shot_noise, speckle_noise
from .obscuring import blue_noise_sample, checkerboard_cutout, lines
from .patterns import (
    brownish_noise,
    cocentric_sine_waves,
    inverse_sparkles,
    perlin_noise,
    plasma_noise,
    single_frequency_greyscale,
    sparkles,
)
from .smear import motion_blur
from .smoothing import gaussian_blur
from .streams import Streams
from .tiny_imagenet import TINY_IMAGENET_TABLE
from .warps import (
    caustic_refraction,
    circular_motion_blur,
    pinch_and_twirl,
    ripple,
    transverse_chromatic_abberation,
)
from .weather import fog, frost, snow, spatter

RANDOM: dict[str, Callable[..., np.ndarray]] = {
    function.__name__: function
    for function in (
        gaussian_noise, shot_noise, impulse_noise, glass_blur, motion_blur, snow, frost, fog,
        elastic_transform, speckle_noise, spatter,
    )
}  # fmt: skip
"""The random corruptions, called as ``(images, streams, *parameters)``."""

DETERMINISTIC: dict[str, Callable[..., np.ndarray]] = {
    function.__name__: function
    for function in (
        defocus_blur, zoom_blur, brightness, contrast, pixelate, jpeg_compression, gaussian_blur,
        saturate,
    )
}  # fmt: skip
"""The deterministic corruptions, called as ``(images, *parameters)``."""

OF_C_BAR: dict[str, Callable[..., np.ndarray]] = {
    function.__name__: function
    for function in (
        blue_noise_sample, brownish_noise, checkerboard_cutout, inverse_sparkles,
        pinch_and_twirl, ripple, circular_motion_blur, lines, sparkles,
        transverse_chromatic_abberation, caustic_refraction, cocentric_sine_waves, perlin_noise,
        plasma_noise, single_frequency_greyscale,
    )
}  # fmt: skip
"""The corruptions of the C-Bar sets, called as ``(images, streams, strength)``."""

SEVERITY_TABLES: dict[str, Rows] = dict(
    cifar=CIFAR_TABLE, tiny_imagenet=TINY_IMAGENET_TABLE, imagenet=IMAGENET_TABLE
)
"""The parameters of each table in :data:`mmct.corruptions.names.TABLES`."""


def corrupt_block(
    images: np.ndarray, streams: Streams, corruption: str, severity: int, table: str
) -> np.ndarray:
    """Corrupt a block of images.

    Args:
        images (np.ndarray): Contiguous images, uint8. (N, H, W, 3)
        streams (Streams): The images' randomness.
        corruption (str): Name of the corruption.
        severity (int): 1 to 5.
        table (str): A key of :data:`SEVERITY_TABLES`.

    Returns:
        np.ndarray: New images of the same shape and type.
    """
    if corruption in C_BAR:
        return OF_C_BAR[corruption](images, streams, strength(corruption, severity, table))
    parameters = SEVERITY_TABLES[table][corruption][severity - 1]
    extra = dict(as_library=True) if table == 'imagenet' and corruption in AS_LIBRARY else {}
    if corruption in RANDOM:
        return RANDOM[corruption](images, streams, *parameters, **extra)
    return DETERMINISTIC[corruption](images, *parameters, **extra)
