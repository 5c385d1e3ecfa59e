"""Make the first pass over a data set: find the readable images, and split them into parts."""

import hashlib
import io
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

import numpy as np

from mmct.datasets.images import IntactFiles, path_of
from mmct.messages import without_address
from mmct.runs.errors import CTError, one_line
from mmct.runs.files import write_bytes

from .source import Source

CHUNK = 256  # images that a task of the first pass reads
DIGEST = hashlib.sha256().digest_size
# Images of a chunk that are read three times: a random flip goes unnoticed in only one
# of 65,536 chunks.
_READ_THRICE = 8
# Limits of the images per task: few enough to need little memory at five severities,
# and so many that the cost of starting a task does not matter.
_PIXELS, _MOST = 1 << 19, 256
# The arrays of a scan, with one row per image.
_ARRAYS = ('indices', 'labels', 'digests', 'names')


@dataclass
class Scan:
    """Facts about the readable images of a data set, in their order.

    Args:
        indices (np.ndarray): Indices in the data set. (N,) int64
        labels (np.ndarray): Labels. (N,) int64
        digests (np.ndarray): SHA-256 of each image. (N, 32) uint8
        names (np.ndarray): A 64-bit hash of each label and file name. (N,) uint64
        sizes (set): The distinct pairs of height and width.
        unreadable (list[dict]): Index, file and reason of each unreadable image.
    """

    indices: np.ndarray
    labels: np.ndarray
    digests: np.ndarray
    names: np.ndarray
    sizes: set[tuple[int, int]]
    unreadable: list[dict] = field(default_factory=list)

    def summary(self) -> dict:
        """Summarise the scan for a manifest.

        ``pixels_sha256`` is the hash of the images' own digests, which can be
        computed in parallel.
        """
        return dict(
            images=len(self.indices),
            pixels_sha256=hashlib.sha256(self.digests.tobytes()).hexdigest(),
            labels_sha256=hashlib.sha256(self.labels.astype('<i8').tobytes()).hexdigest(),
            skipped=dict(count=len(self.unreadable), images=self.unreadable),
        )

    def save(self, path: Path) -> None:
        """Save the scan for a later run.

        Args:
            path (Path): An .npz file. It leaves out the unreadable images,
                which the manifest lists.
        """
        content = io.BytesIO()
        arrays = {name: getattr(self, name) for name in _ARRAYS}
        np.savez(content, **arrays, sizes=np.array(sorted(self.sizes)))
        write_bytes(path, content.getvalue())

    @classmethod
    def load(cls, path: Path, unreadable: list[dict]) -> 'Scan':
        """Load a scan that :meth:`save` wrote.

        Args:
            path (Path): The file.
            unreadable (list[dict]): The unreadable images, from the manifest.
        """
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
        sizes = {tuple(map(int, size)) for size in arrays.pop('sizes')}
        return cls(**arrays, sizes=sizes, unreadable=unreadable)


def chunks(images: int) -> list[tuple[int, int]]:
    """Split a data set into tasks for the first pass.

    Args:
        images (int): Number of images.

    Returns:
        list[tuple[int, int]]: The first index of each task and the index after its last.
    """
    return [(start, min(start + CHUNK, images)) for start in range(0, images, CHUNK)]


def merge(scans: Iterable[Scan]) -> Scan:
    """Merge the scans of chunks.

    Args:
        scans (Iterable[Scan]): The scans in the order of the data set.
    """
    scans = list(scans)
    arrays = {name: np.concatenate([getattr(scan, name) for scan in scans]) for name in _ARRAYS}
    sizes = set().union(*(scan.sizes for scan in scans))
    return Scan(**arrays, sizes=sizes, unreadable=[one for s in scans for one in s.unreadable])


def image_digest(image: np.ndarray) -> bytes:
    """Compute the SHA-256 of an image's size and pixels.

    Args:
        image (np.ndarray): The image, uint8, contiguous. (H, W, 3)
    """
    height, width = image.shape[:2]
    return hashlib.sha256(f'{height}x{width}:'.encode() + image.tobytes()).digest()


@dataclass(frozen=True)
class Part:
    """The images of a task that makes corruptions.

    Args:
        number (int): Number of the part.
        indices (np.ndarray): Indices in the data set. (n,)
        labels (np.ndarray): Labels. (n,)
        digests (np.ndarray): SHA-256 of each image, as the scan saw it. (n, 32)
    """

    number: int
    indices: np.ndarray
    labels: np.ndarray
    digests: np.ndarray

    def read(self, source: Source, position: int) -> np.ndarray:
        """Read an image and check that it is unchanged.

        Args:
            source (Source): The data set.
            position (int): Position of the image in this part.

        Raises:
            CTError: If the image has changed since the scan.
        """
        index = int(self.indices[position])
        try:
            image, label = source.read(index)
            same = image_digest(image) == self.digests[position].tobytes()
        except OSError:
            same = False
        if not same or label != self.labels[position]:
            raise CTError(
                f'{source.path(index) or f"image {index}"} has changed since this set was '
                'started: restore it, or make a new set in another folder'
            )
        return image


def parts(scan: Scan) -> Iterator[Part]:
    """Split a data set into parts, the same in each run.

    Args:
        scan (Scan): Facts about all images.

    Yields:
        Part: The images of a task.
    """
    size = part_size(scan)
    for number, start in enumerate(range(0, len(scan.indices), size)):
        rows = slice(start, start + size)
        yield Part(number, scan.indices[rows], scan.labels[rows], scan.digests[rows])


def part_size(scan: Scan) -> int:
    """Choose the number of images in each part but the last.

    Args:
        scan (Scan): Facts about all images.
    """
    largest = max(height * width for height, width in scan.sizes)
    return min(_MOST, max(1, _PIXELS // largest))


def check_readable(scan: Scan, skip: bool) -> None:
    """Refuse a data set with damaged images, or without any intact ones.

    Args:
        scan (Scan): Facts about all images.
        skip (bool): Whether damaged images may be left out.

    Raises:
        CTError: If so; the message names the first few damaged images.
    """
    bad = scan.unreadable
    if not bad or (skip and len(scan.indices)):
        return
    some = '; '.join(f'{one["file"]} ({one["reason"]})' for one in islice(bad, 5))
    more = f'; and {len(bad) - 5} more' if len(bad) > 5 else ''
    remedy = 'repair or remove them, or leave them out with --skip-unreadable'
    total = len(bad) + len(scan.indices)
    raise CTError(
        f'{len(bad)} of {total} images cannot be read: {some}{more}: '
        f'{remedy if len(scan.indices) else "is this the right folder?"}'
    )


def scan_chunk(source: Source, start: int, stop: int) -> Scan:
    """Scan a range of images.

    Args:
        source (Source): The data set.
        start (int): The first index.
        stop (int): The index after the last.

    Raises:
        CTError: If an image cannot be corrupted, or the pipeline is random or fails on an intact
            image.
    """
    rows, sizes, unreadable = [], set(), []
    files = IntactFiles()
    for index in range(start, stop):
        path = path_of(source.dataset, index)
        try:
            with files.reading(path):
                image, label = source.read(index)
        except (CTError, MemoryError):
            raise
        except Exception as error:
            file = str(source.path(index) or f'image {index}')
            if path is not None and not isinstance(error, OSError):
                reason = one_line(error) or type(error).__name__
                raise CTError(
                    f"{file} is intact, but the test set's pipeline fails on it ({reason}): "
                    'correct test_dataloader.dataset.pipeline'
                ) from error
            unreadable.append(dict(index=index, file=file, reason=_reason(error, path)))
            continue
        digest = image_digest(image)
        if len(rows) < _READ_THRICE:
            _check_same(source, index, digest)
        sizes.add(image.shape[:2])
        name = os.fsencode(f'{label}/{source.file_name(index)}')
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


def _check_same(source: Source, index: int, digest: bytes) -> None:
    for _ in range(2):
        if image_digest(source.read(index)[0]) != digest:
            raise CTError(
                "the test set's pipeline is random: a set on disk needs a pipeline that gives "
                'the same image each time'
            )


def _reason(error: Exception, path: str | None) -> str:
    text = getattr(error, 'strerror', None) or str(error) or type(error).__name__
    text = text.removeprefix(f'{path} cannot be read: ')
    # The manifest is the same in each run.
    return without_address(' '.join(text.split()))
