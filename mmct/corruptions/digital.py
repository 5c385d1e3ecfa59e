"""What cameras and files do to light, colour and detail."""

import cv2
import numpy as np

from .compiled import compiled
from .levels import to_fractions, to_levels


def brightness(images: np.ndarray, added: float) -> np.ndarray:
    """More light: the value of hue, saturation and value rises.

    Args:
        images (np.ndarray): uint8. (N, H, W, 3)
        added (float): To the value, as a fraction of white.

    Returns:
        np.ndarray: As the images.
    """
    return _recolour(images.reshape(-1, 3), 1.0, 0.0, float(added)).reshape(images.shape)


def saturate(images: np.ndarray, factor: float, added: float) -> np.ndarray:
    """Colours paler or stronger: the saturation changes.

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
    for i in range(len(pixels)):
        red, green, blue = pixels[i, 0] / 255, pixels[i, 1] / 255, pixels[i, 2] / 255
        value = max(red, green, blue)
        spread = value - min(red, green, blue)
        saturation = spread / value if value > 0 else 0.0
        saturation = min(max(saturation * factor + added, 0.0), 1.0)
        new_value = min(value + added_value, 1.0)
        for c, x in enumerate((red, green, blue)):
            if spread > 0:
                place = (value - x) / spread
            else:
                place = 0.0 if c == 0 else 1.0
            out[i, c] = np.uint8(new_value * (1 - saturation * place) * 255)
    return out


def contrast(images: np.ndarray, factor: float) -> np.ndarray:
    """Less contrast: values move towards their channel's mean.

    Args:
        images (np.ndarray): uint8. (N, H, W, 3)
        factor (float): Of the distance to the mean.

    Returns:
        np.ndarray: As the images.
    """
    # Sums of integers: exact, whatever their order.
    sums = images.sum(axis=(1, 2), dtype=np.int64, keepdims=True)
    means = sums / (255 * images.shape[1] * images.shape[2])
    return to_levels((to_fractions(images) - means) * factor + means)


def jpeg_compression(images: np.ndarray, quality: int) -> np.ndarray:
    """JPEG, written and read.

    Args:
        images (np.ndarray): uint8. (N, H, W, 3)
        quality (int): 1 to 100.

    Returns:
        np.ndarray: As the images.
    """
    out = np.empty_like(images)
    for n, image in enumerate(images):
        # OpenCV's order is BGR.
        _, file = cv2.imencode('.jpg', image[..., ::-1], (cv2.IMWRITE_JPEG_QUALITY, quality))
        out[n] = cv2.imdecode(file, cv2.IMREAD_COLOR)[..., ::-1]
    return out
