"""Image files of a data set in folders."""

import io

from PIL import Image

IMAGE_ENDINGS = ('.jpg', '.jpeg', '.png', '.ppm', '.bmp', '.pgm', '.tif', '.tiff', '.webp')
"""What image files end in, in lower case."""


def check_whole(content: bytes) -> None:
    """Refuse a truncated JPEG: OpenCV fills what it lacks with grey, and says nothing.

    Truncated files of the other formats do not decode.

    Args:
        content (bytes): Of a file.

    Raises:
        OSError: If it is a JPEG that lacks its end.
    """
    if content[:2] == b'\xff\xd8' and content.rstrip(b'\0')[-2:] != b'\xff\xd9':
        # Others may have something behind their end.
        with Image.open(io.BytesIO(content)) as picture:
            picture.load()
