"""What cameras and files do to light, colour and detail."""

import cv2
import numpy as np

from .compiled import compiled


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
    """Less contrast: values move towards their channel's mean.

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
    """JPEG, written and read.

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
