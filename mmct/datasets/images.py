"""Images as data sets give them: whole files alone, and the order of their channels.

mmcv reads files as BGR; mmpretrain's sets that hold arrays, such as CIFAR, hold RGB.
"""

import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import cv2
import mmcv
import numpy as np
from PIL import Image

from mmct.corruptions.channels import ARRAYS, FILES

IMAGE_ENDINGS = ('.jpg', '.jpeg', '.png', '.ppm', '.bmp', '.pgm', '.tif', '.tiff', '.webp')
"""The endings of image files, in lower case."""


def order_of_sample(sample: Any) -> str:
    """Tell the order of the channels of a loaded image.

    Args:
        sample (dict | DataSample, optional): What a pipeline says of the image:
            it has an ``img_path`` if it was read from a file.

    Returns:
        str: 'rgb' or 'bgr'.
    """
    from_file = sample is not None and sample.get('img_path') is not None
    return FILES if from_file else ARRAYS


def order_of_dataset(dataset: Any) -> str:
    """Tell the order in which a data set gives the channels, from its config.

    A network has learnt from that order, whatever its ``data_preprocessor`` says.

    Args:
        dataset (Mapping): The config, of a wrapper, too.

    Returns:
        str: 'bgr' if something in it loads image files, else 'rgb'.
    """
    return FILES if _loads_files(dataset) else ARRAYS


def order_before(preprocessor: Mapping[str, Any]) -> str:
    """Tell the order of the images that a data preprocessor turns into the network's RGB.

    Args:
        preprocessor (Mapping): Its config.

    Returns:
        str: 'bgr' if it flips the channels.
    """
    return FILES if preprocessor.get('to_rgb') else ARRAYS


def _loads_files(value: Any) -> bool:
    if isinstance(value, Mapping):
        kind = value.get('type')
        name = kind if isinstance(kind, str) else getattr(kind, '__name__', '')
        if name.split('.')[-1] == 'LoadImageFromFile':
            return True
        value = list(value.values())
    return isinstance(value, (list, tuple)) and any(_loads_files(item) for item in value)


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
        image = mmcv.imfrombytes(path.read_bytes(), flag='color', channel_order=FILES)
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
