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
import simplejpeg
from mmengine import fileio
from mmengine.logging import print_log

from mmct.messages import require

FILES, ARRAYS = 'bgr', 'rgb'
"""The order of the channels of images from files, and of those that sets hold as arrays."""

CHANNEL_ORDERS = (ARRAYS, FILES)


def check_channel_order(order: str | None, owner: str) -> str | None:
    """Check an order of channels; None leaves it open.

    Args:
        order (str, optional): 'rgb', 'bgr' or None.
        owner (str): The class that takes it, for the message.

    Returns:
        str | None: The order.

    Raises:
        ValueError: If it is none of these.
    """
    rule = f'{owner}: channel_order must be None or one of {CHANNEL_ORDERS}'
    require(order in (None, *CHANNEL_ORDERS), rule, order)
    return order


def reordered(images: np.ndarray, order: str, wanted: str = 'rgb') -> np.ndarray:
    """View images in another order of channels.

    Args:
        images (np.ndarray): Channels last. (..., 3)
        order (str): The images' order.
        wanted (str): The order to view them in. Defaults to 'rgb'.

    Returns:
        np.ndarray: A view. (..., 3)
    """
    return images if order == wanted else images[..., ::-1]


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
    """Refuse an image file that would be decoded to wrong pixels; see :func:`check_content`.

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


def check_content(content: bytes) -> None:
    """Refuse an image that OpenCV decodes to wrong pixels, and says nothing.

    That is a JPEG that is truncated or damaged inside, of which it shows what it has, and values
    of 12 bits or fewer in a file of 16, of which it keeps the upper 8. Truncated files of the
    other formats do not decode. Damage that leaves a valid file cannot be seen.

    No limit of Pillow's counts here: what OpenCV reads (2**30 pixels), each check lets through.

    Args:
        content (bytes): Of an image file.

    Raises:
        ValueError: Says what is wrong.
    """
    if content.startswith(b'\xff\xd8'):
        _check_jpeg(content)
    elif _may_have_16_bits(content):
        flags = cv2.IMREAD_COLOR | cv2.IMREAD_ANYDEPTH
        image = cv2.imdecode(np.frombuffer(content, np.uint8), flags)
        if image is not None and image.dtype == np.uint16 and 0 < image.max() < 1 << 12:
            raise ValueError(
                f'it has 16 bits per channel but no value above {image.max()}, as if 12 bits were '
                'stored in 16, and would be read as black: save it with 8 bits'
            )


def _check_jpeg(content: bytes) -> None:
    try:
        color = 'CMYK' if simplejpeg.decode_jpeg_header(content)[2] in ('CMYK', 'YCCK') else 'GRAY'
        # At an eighth of the size: all of the data is read, and little is computed.
        simplejpeg.decode_jpeg(content, color, min_height=1, min_width=1, strict=True)
    except ValueError as error:
        raise ValueError(
            f'its JPEG data are damaged or truncated ({error}): put a good copy in its place'
        ) from error


def _may_have_16_bits(content: bytes) -> bool:
    if content.startswith(b'\x89PNG'):
        return content[24:25] == b'\x10'
    # TIFF, PPM and PGM are decoded to see.
    return content[:2] in (b'II', b'MM', b'P2', b'P3', b'P5', b'P6')


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
