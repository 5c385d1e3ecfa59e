"""Images as data sets give them: sound files alone, and the order of their channels.

mmcv reads files as BGR; mmpretrain's sets that hold arrays, such as CIFAR, hold RGB.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import cv2
import mmcv
import numpy as np
from mmengine import fileio
from mmengine.logging import print_log

from mmct.corruptions.channels import ARRAYS, FILES
from mmct.image_content import check_content


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


def decoded(path: str | Path) -> np.ndarray:
    """Read an image as mmcv does, if it is a sound one.

    A grey one has three equal channels.

    Args:
        path (str | Path): The file.

    Returns:
        np.ndarray: uint8 BGR, (H, W, 3).

    Raises:
        OSError: Names the file, and says why it cannot be read.
    """
    with _naming(path):
        content = fileio.get(str(path))
        check_content(content)
        try:
            image = mmcv.imfrombytes(content, flag='color', channel_order=FILES)
        except cv2.error:
            # An assertion in OpenCV's source.
            image = None
        if image is None:
            raise ValueError('it is no image')
        return image


def check_file(path: str | Path) -> None:
    """Refuse an image file that would be decoded to wrong pixels.

    See :func:`mmct.image_content.check_content`.

    Args:
        path (str | Path): The file.

    Raises:
        OSError: Names the file, and says why it cannot be read.
    """
    with _naming(path):
        check_content(fileio.get(str(path)))


@contextmanager
def _naming(path: str | Path) -> Iterator[None]:
    try:
        yield
    except (OSError, ValueError) as error:
        reason = getattr(error, 'strerror', None) or ' '.join(str(error).split())
        raise OSError(f'{path} cannot be read: {reason}') from error


def say_if_grey(path: str | Path) -> None:
    """Say that images are scored with three equal channels, if a set's first one is grey.

    Args:
        path (str | Path): The file. What is wrong with it is said when it is read.
    """
    try:
        image = decoded(path)
    except OSError:
        return
    if (image == image[..., :1]).all():
        print_log(f'{path} is grey: scored as three equal channels', logger='current')
