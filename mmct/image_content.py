"""Tell whether an image file is sound; for all rooms, with or without an mm stack."""

import cv2
import numpy as np


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
    import simplejpeg

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
