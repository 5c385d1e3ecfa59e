"""Pictures of frost."""

from functools import cache
from importlib import resources

import cv2
import numpy as np

# A sixth comes with them, which the reference never draws.
_FILES = ('frost1.png', 'frost2.png', 'frost3.png', 'frost4.jpg', 'frost5.jpg')
_SCALE = 0.2


@cache
def frost_textures() -> tuple[np.ndarray, ...]:
    """The textures at the scale of small images.

    They come with ``imagecorruptions-imaug``.

    Returns:
        tuple[np.ndarray, ...]: uint8, RGB. Each (H, W, 3)
    """
    folder = resources.files('imagecorruptions') / 'frost'
    return tuple(_texture((folder / name).read_bytes()) for name in _FILES)


def _texture(content: bytes) -> np.ndarray:
    picture = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR)
    return cv2.resize(picture, (0, 0), fx=_SCALE, fy=_SCALE)[..., ::-1].copy()
