"""Between grey levels and fractions."""

import numpy as np


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
        fractions (np.ndarray): Any floats; they may be overwritten.

    Returns:
        np.ndarray: uint8.
    """
    np.clip(fractions, 0, 1, out=fractions)
    fractions *= 255
    return fractions.astype(np.uint8)
