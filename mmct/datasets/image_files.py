"""Image files of a data set in folders."""

import io
from pathlib import Path

import cv2
import mmcv
import numpy as np
from PIL import Image

IMAGE_ENDINGS = ('.jpg', '.jpeg', '.png', '.ppm', '.bmp', '.pgm', '.tif', '.tiff', '.webp')
"""What image files end in, in lower case."""


def decoded(path: Path) -> np.ndarray:
    """Read an image as mmcv does, if it is a whole one.

    Args:
        path (Path): The file.

    Returns:
        np.ndarray: uint8 BGR, (H, W, 3).

    Raises:
        OSError: Names the file, and says why it cannot be read.
    """
    try:
        check_whole(path)
        image = mmcv.imfrombytes(path.read_bytes(), flag='color', channel_order='bgr')
    except cv2.error:
        # An assertion in OpenCV's source.
        image = None
    except (OSError, ValueError) as error:
        reason = ' '.join(str(error).split())
        raise OSError(f'{path} cannot be read: {reason}') from error
    if image is None:
        raise OSError(f'{path} cannot be read: it is no image')
    return image


def check_whole(path: Path) -> None:
    """Refuse a truncated JPEG: OpenCV fills what it lacks with grey, and says nothing.

    Truncated files of the other formats do not decode.

    Args:
        path (Path): The file. Of a whole one only the ends are read.

    Raises:
        OSError: If there is no such file, or it is a JPEG that lacks its end.
    """
    with path.open('rb') as file:
        if file.read(2) != b'\xff\xd8':
            return
        file.seek(-2, io.SEEK_END)
        if file.read() == b'\xff\xd9':
            return
    # Some have something behind their end.
    with Image.open(path) as picture:
        picture.load()
