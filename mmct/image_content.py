"""Check that an image file is intact, and read images; works with or without an mm stack."""

import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import cv2
import numpy as np
from PIL import Image, ImageOps

# Width, height and maximum of a PGM or PPM, with comments between.
_PNM = re.compile(rb'P[2356](?:(?:\s|#[^\n]*\n)+(\d+)){3}')


class ImageError(OSError):
    """An image file that cannot be read as it is; the message names it and the reason."""


def check_content(content: bytes) -> None:
    """Refuse an image that OpenCV silently decodes to wrong pixels.

    OpenCV decodes a truncated or damaged JPEG as far as it can; of 16-bit files it keeps the upper
    8 bits, even if the values use only the lower 12; and it does not scale most PGM and PPM by
    their maximum. Truncated files of other formats fail to decode. Damage that leaves a valid
    file cannot be detected.

    Pillow's size limit does not apply: any image that OpenCV can read (up to 2**30 pixels) is
    checked.

    Args:
        content (bytes): The content of an image file.

    Raises:
        ValueError: If the image would be decoded wrongly; the message says why.
    """
    if content.startswith(b'\xff\xd8'):
        _check_jpeg(content)
        return
    if _is_tiff(content) and _has_alpha(content):
        raise ValueError(
            'it is a TIFF with an alpha channel, which Pillow leaves out and OpenCV multiplies the '
            'colours with: save it without'
        )
    header = _PNM.match(content)
    highest = int(header[1]) if header else 255
    # As text, P2 or P3, those of 8 bits are scaled.
    if highest not in (255, 65535) and (highest > 255 or content[1:2] in b'56'):
        raise ValueError(
            f'its largest value is declared to be {highest}, by which OpenCV does not scale: save '
            'it with 255 or 65535'
        )
    if _may_have_16_bits(content):
        flags = cv2.IMREAD_COLOR | cv2.IMREAD_ANYDEPTH
        image = cv2.imdecode(np.frombuffer(content, np.uint8), flags)
        if image is not None and image.dtype == np.uint16 and 0 < image.max() < 1 << 12:
            raise ValueError(
                f'it has 16 bits per channel but no value above {image.max()}, as if 12 bits were '
                'stored in 16, and would be read as black: save it with 8 bits'
            )


def check_for_pillow(content: bytes) -> None:
    """Refuse a grey image of more than 8 bits per pixel, which Pillow clips where it converts it.

    Args:
        content (bytes): The content of an image file.

    Raises:
        ValueError: If it is such an image.
    """
    if _may_have_16_bits(content):
        with any_size(), Image.open(io.BytesIO(content)) as picture:
            if picture.mode.startswith(('I', 'F')):
                raise ValueError(
                    f'it is grey with more than 8 bits per pixel (mode {picture.mode!r}), which '
                    'Pillow clips: save it with 8 bits'
                )


@contextmanager
def any_size() -> Iterator[None]:
    """Lift Pillow's limit on the number of pixels in the block: the images are the user's own.

    The limit is one for all threads, which must not enter and leave such blocks at the same time.
    """
    limit, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
    try:
        yield
    finally:
        Image.MAX_IMAGE_PIXELS = limit


@contextmanager
def naming(path: str | Path) -> Iterator[None]:
    """Name the file in errors that are raised where it is read.

    Args:
        path (str | Path): The file.

    Raises:
        ImageError: In place of the block's error; the message names the file and the reason.
    """
    try:
        yield
    # Pillow reports damage between the parts of a PNG as a SyntaxError, and sides beyond its limits
    # as an OverflowError; OpenCV has an error of its own.
    except (OSError, ValueError, SyntaxError, OverflowError, cv2.error) as error:
        reason = getattr(error, 'strerror', None) or ' '.join(str(error).split())
        raise ImageError(f'{path} cannot be read: {reason}') from error


def read_rgb(path: str | Path) -> Image.Image:
    """Read an intact image with Pillow, turned upright as its EXIF data say.

    Args:
        path (str | Path): The file.

    Returns:
        Image.Image: The image in mode 'RGB'.

    Raises:
        OSError: If it cannot be read; the message names the file and the reason.
    """
    with naming(path):
        content = Path(path).read_bytes()
        check_content(content)
        with any_size(), Image.open(io.BytesIO(content)) as picture:
            return to_rgb(ImageOps.exif_transpose(picture))


def to_rgb(picture: Image.Image) -> Image.Image:
    """Convert an image to 8 bits of red, green and blue.

    Args:
        picture (Image.Image): An image; of 16 bits per pixel the upper 8 are kept, as OpenCV does.

    Returns:
        Image.Image: The image in mode 'RGB'.

    Raises:
        ValueError: If its pixels are 32-bit integers or floats, whose range is unknown.
    """
    if picture.mode.startswith('I;16'):
        # Pillow would clip at 255.
        picture = Image.fromarray((np.asarray(picture) >> 8).astype(np.uint8))
    elif picture.mode in ('I', 'F'):
        raise ValueError(
            f'it has more than 8 bits per pixel (mode {picture.mode!r}), which Pillow would clip: '
            'save it with 8 bits'
        )
    return picture.convert('RGB')


def _check_jpeg(content: bytes) -> None:
    import simplejpeg

    try:
        color = 'CMYK' if simplejpeg.decode_jpeg_header(content)[2] in ('CMYK', 'YCCK') else 'GRAY'
        # Decoding at an eighth of the size reads all data but computes little.
        simplejpeg.decode_jpeg(content, color, min_height=1, min_width=1, strict=True)
    except ValueError as error:
        raise ValueError(
            f'its JPEG data are damaged or truncated ({error}): put a good copy in its place'
        ) from error


def _may_have_16_bits(content: bytes) -> bool:
    if content.startswith(b'\x89PNG'):
        return content[24:25] == b'\x10'
    # TIFF, PPM and PGM must be decoded to find out.
    return _is_tiff(content) or content[:2] in (b'P2', b'P3', b'P5', b'P6')


def _is_tiff(content: bytes) -> bool:
    return content[:2] in (b'II', b'MM')


def _has_alpha(content: bytes) -> bool:
    with any_size(), Image.open(io.BytesIO(content)) as picture:
        return picture.getbands()[-1] in ('A', 'a')
