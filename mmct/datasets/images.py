"""Read intact image files only, and find the order of the channels of images.

mmcv reads files as BGR; mmpretrain's data sets of arrays, such as CIFAR, are RGB.
"""

import logging
import os
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
from mmct.image_content import any_size, check_content, check_for_pillow, naming


def order_of_sample(sample: Any) -> str:
    """Find the order of the channels of a loaded image.

    Args:
        sample (dict | DataSample, optional): The pipeline's data on the image,
            which has an ``img_path`` if the image was read from a file.

    Returns:
        str: 'rgb' or 'bgr'.
    """
    from_file = sample is not None and sample.get('img_path') is not None
    return FILES if from_file else ARRAYS


def order_of_image(dataset: Any, index: int, sample: Any) -> str:
    """Find the order of the channels of an image that a data set has loaded.

    Args:
        dataset (Any): A data set or a wrapper.
        index (int): Index of the image.
        sample (dict | DataSample, optional): What its pipeline made of it. Of the path,
            ``PackInputs`` keeps nothing unless it is among its ``meta_keys``.

    Returns:
        str: 'rgb' or 'bgr'.
    """
    from_file = _info(dataset, index).get('img_path') is not None
    return FILES if from_file else order_of_sample(sample)


def order_of_dataset(dataset: Any) -> str:
    """Find the order of the channels of a data set from its config.

    A network has learned from this order, whatever its ``data_preprocessor`` says.

    Args:
        dataset (Mapping): The config of the data set, which may be a wrapper.

    Returns:
        str: 'bgr' if the data set loads image files, else 'rgb'.
    """
    return FILES if _loads_files(dataset) else ARRAYS


def order_before(preprocessor: Mapping[str, Any]) -> str:
    """Find the order of the channels that a data preprocessor turns into the network's RGB.

    Args:
        preprocessor (Mapping): The config of the preprocessor.

    Returns:
        str: 'bgr' if the preprocessor flips the channels, else 'rgb'.
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
    """Read an intact image as mmcv does.

    A grey image gets three equal channels.

    Args:
        path (str | Path): The file.

    Returns:
        np.ndarray: The image, uint8 BGR, (H, W, 3).

    Raises:
        OSError: If the image cannot be read; the message names the file and the reason.
    """
    with naming(path):
        content = fileio.get(str(path))
        check_content(content)
        try:
            image = mmcv.imfrombytes(content, flag='color', channel_order=FILES)
        except cv2.error:
            # A failed assertion inside OpenCV.
            image = None
        if image is None:
            raise ValueError('it is not an image')
        return image


def path_of(dataset: Any, index: int) -> str | None:
    """Find the file of an image.

    Args:
        dataset (Any): A data set or a wrapper.
        index (int): Index of the image.

    Returns:
        str: The path or URL; None if the image has none, or a key of some other storage.
    """
    path = _info(dataset, index).get('img_path')
    known = path is not None and ('://' in str(path) or os.path.isfile(path))
    return path if known else None


def _info(dataset: Any, index: int) -> dict[str, Any]:
    return dataset.get_data_info(index) if hasattr(dataset, 'get_data_info') else {}


class IntactFiles:
    """Checks image files where a pipeline reads them, each once in a process.

    See :func:`mmct.image_content.check_content`.

    Args:
        with_pillow (bool): Whether Pillow reads the images, which clips grey images of more than
            8 bits. Defaults to False.
    """

    def __init__(self, with_pillow: bool = False) -> None:
        self.with_pillow = with_pillow
        self._sound: set[str] = set()

    @contextmanager
    def reading(self, path: str | None) -> Iterator[None]:
        """Check a file before the block reads it, and name it if that fails.

        Args:
            path (str, optional): The file; None for an image without a file.

        Raises:
            OSError: If the file is not an intact image; the message names it and the reason.
        """
        if path is None:
            yield
            return
        if path not in self._sound:
            with naming(path):
                content = fileio.get(str(path))
                check_content(content)
                if self.with_pillow:
                    check_for_pillow(content)
            self._sound.add(path)
        try:
            with any_size():
                yield
        except Exception:
            decoded(path)
            # The image is intact, so the error is in the pipeline.
            raise


def say_if_grey(path: str | Path) -> None:
    """Log that images are read as three equal channels if the first image of a set is grey.

    Args:
        path (str | Path): The first image. Errors in it are reported later, when it is read.
    """
    try:
        image = decoded(path)
    except OSError:
        return
    if (image == image[..., :1]).all():
        said = f'{path} is grey: it is read as three equal channels'
        # A quiet console shows warnings alone.
        print_log(said, logger='current', level=logging.WARNING)
