"""Between grey levels and fractions."""

import numpy as np

from .compiled import compiled


def to_fractions(images: np.ndarray) -> np.ndarray:
    """Grey levels as fractions of white.

    Args:
        images (np.ndarray): uint8.

    Returns:
        np.ndarray: float64 in [0, 1].
    """
    return images / 255.0


def to_levels(fractions: np.ndarray) -> np.ndarray:
    """Fractions of white as grey levels, cut off and not rounded, as the reference does.

    Args:
        fractions (np.ndarray): Any floats.

    Returns:
        np.ndarray: uint8.
    """
    return _cut(np.ascontiguousarray(fractions).reshape(-1)).reshape(fractions.shape)


@compiled
def _cut(fractions: np.ndarray) -> np.ndarray:
    levels = np.empty(fractions.size, np.uint8)
    for i in range(fractions.size):
        levels[i] = np.uint8(min(max(fractions[i], 0), 1) * 255)
    return levels


def over_channels(layers: np.ndarray) -> np.ndarray:
    """Repeat a layer for each channel; NumPy's broadcasting is slow along so short an axis.

    Args:
        layers (np.ndarray): (N, H, W)

    Returns:
        np.ndarray: (N, H, W, 3)
    """
    return _repeat(np.ascontiguousarray(layers).reshape(-1)).reshape(*layers.shape, 3)


@compiled
def _repeat(values: np.ndarray) -> np.ndarray:
    out = np.empty((values.size, 3), values.dtype)
    for i in range(values.size):
        for c in range(3):
            out[i, c] = values[i]
    return out
