"""Reading images for the first time, and checking them."""

import hashlib
import io
import re

import numpy as np
from mmengine import fileio
from PIL import Image, UnidentifiedImageError

from ..errors import CTError
from .scan import DIGEST, Scan, image_digest
from .source import Source

# Images of a chunk that are read thrice: a random flip passes for a fixed one
# in one chunk of 65,536.
_READ_THRICE = 8


def scan_chunk(source: Source, start: int, stop: int) -> Scan:
    """Read some of the images.

    Args:
        source (Source): The data set.
        start (int): First index.
        stop (int): Index after the last.

    Raises:
        CTError: If images are not what can be corrupted, or the pipeline is
            random.
    """
    rows, sizes, unreadable = [], set(), []
    for index in range(start, stop):
        try:
            _check_file(source.path(index))
            image, label = source.read(index)
        except CTError:
            raise
        except Exception as error:
            file = str(source.path(index) or f'image {index}')
            unreadable.append(dict(index=index, file=file, reason=_reason(error)))
            continue
        digest = image_digest(image)
        if len(rows) < _READ_THRICE:
            _check_same(source, index, digest)
        sizes.add(image.shape[:2])
        name = f'{label}/{source.file_name(index)}'.encode()
        hashed = int.from_bytes(hashlib.blake2b(name, digest_size=8).digest(), 'big')
        rows.append((index, label, digest, hashed))
    indices, labels, digests, names = zip(*rows, strict=True) if rows else ((),) * 4
    return Scan(
        np.array(indices, np.int64),
        np.array(labels, np.int64),
        np.frombuffer(b''.join(digests), np.uint8).reshape(-1, DIGEST),
        np.array(names, np.uint64),
        sizes,
        unreadable,
    )


def _check_file(path: str | None) -> None:
    # OpenCV fills what a truncated JPEG lacks with grey, and says nothing.
    if path is None:
        return
    with Image.open(io.BytesIO(fileio.get(path))) as image:
        image.load()


def _check_same(source: Source, index: int, digest: bytes) -> None:
    for _ in range(2):
        if image_digest(source.read(index)[0]) != digest:
            raise CTError(
                "the test set's pipeline is random: a set on disk needs one that gives the "
                'same image each time'
            )


def _reason(error: Exception) -> str:
    if isinstance(error, UnidentifiedImageError):
        return 'not an image'
    text = getattr(error, 'strerror', None) or str(error) or type(error).__name__
    # Without addresses in memory: the manifest is the same in each run.
    return re.sub(r' at 0x[0-9a-f]+', '', ' '.join(text.split()))
