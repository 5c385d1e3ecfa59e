"""Layouts of a set on disk: arrays as CIFAR-10-C, folders as ImageNet-C."""

import hashlib
import io
import math
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from mmct.corruptions import corrupt
from mmct.runs.errors import CTError
from mmct.runs.files import write_bytes, write_whole

from .scan import Part
from .source import Source


@dataclass(frozen=True)
class Layout:
    """Base of the layouts: which files a set has, and how they are made.

    It goes to the workers with each task.

    Args:
        out (Path): The folder of the set.
        work (Path): The folder in it for unfinished work.
        severities (tuple[int, ...]): From weak to strong.
        seed (int): Of the corruptions, 0 or more.
        table (str): Of severities.
    """

    out: Path
    work: Path
    severities: tuple[int, ...]
    seed: int
    table: str

    @staticmethod
    def has(out: Path, corruption: str) -> bool:
        """Tell whether a corruption's files are in their place.

        Args:
            out (Path): The folder of the set.
            corruption (str): The corruption.

        Returns:
            bool: Whether all of them are there.
        """
        raise NotImplementedError

    def begin(self, labels: np.ndarray) -> None:
        """Write what belongs to no corruption.

        Args:
            labels (np.ndarray): Of the images. (N,)
        """

    def reopen(self, corruption: str) -> None:
        """Make a corruption unfinished that is in its place but not in the manifest.

        Args:
            corruption (str): The corruption.
        """

    def make(self, source: Source, corruption: str, part: Part) -> bool:
        """Make those files of a part that are not there. In a worker.

        Args:
            source (Source): The data set.
            corruption (str): The corruption.
            part (Part): Its images.

        Returns:
            bool: Whether there was something to do.
        """
        raise NotImplementedError

    def finish(self, corruption: str) -> dict[str, str]:
        """Bring a corruption to its place.

        Args:
            corruption (str): All of its parts are there.

        Returns:
            dict[str, str]: The SHA-256 of files, for the manifest.
        """
        raise NotImplementedError

    def corrupt(
        self, images: np.ndarray, corruption: str, severity: int, indices: np.ndarray
    ) -> np.ndarray:
        """Corrupt images of one size.

        Args:
            images (np.ndarray): RGB. (N, H, W, 3)
            corruption (str): The corruption.
            severity (int): 1 to 5.
            indices (np.ndarray): The images' in their data set: what an image
                becomes does not depend on the others. (N,)

        Returns:
            np.ndarray: As the images.
        """
        settings = dict(seed=self.seed, indices=indices, table=self.table)
        return corrupt(images, corruption, severity, **settings)


@dataclass(frozen=True)
class ArrayLayout(Layout):
    """``<corruption>.npy`` of all severities, and ``labels.npy``.

    Args:
        out, work, severities, seed, table: As for any layout.
        images (int): How many there are.
        size (tuple[int, int]): Their height and width.
        part_size (int): Images in each part but the last.
    """

    images: int
    size: tuple[int, int]
    part_size: int

    @staticmethod
    def has(out: Path, corruption: str) -> bool:
        """Look for its array, and the labels."""
        return all((out / f'{name}.npy').is_file() for name in (corruption, 'labels'))

    def begin(self, labels: np.ndarray) -> None:
        """Write the labels, once for each severity."""
        # 64 bits: as a loss takes them, and more classes than 8 bits hold.
        block = labels.astype('<i8').tobytes()
        times = len(self.severities)
        _write_npy(self.out / 'labels.npy', '<i8', (times * self.images,), [block] * times)

    def make(self, source: Source, corruption: str, part: Part) -> bool:
        """Make a part, a file of all severities."""
        path = self._part(corruption, part.number, len(part.indices))
        if path.exists():
            return False
        images = np.stack([part.read(source, i) for i in range(len(part.indices))])
        made = [
            self.corrupt(images, corruption, severity, part.indices)
            for severity in self.severities
        ]
        write_bytes(path, np.stack(made).tobytes())
        return True

    def finish(self, corruption: str) -> dict[str, str]:
        """Put the parts together."""
        final = self.out / f'{corruption}.npy'
        shape = (len(self.severities) * self.images, *self.size, 3)
        return {final.name: _write_npy(final, '|u1', shape, self._blocks(corruption))}

    def _part(self, corruption: str, number: int, images: int) -> Path:
        # With its length: parts of another length are no parts of this array.
        return self.work / corruption / f'{number:06d}_{images}.bin'

    def _blocks(self, corruption: str) -> Iterator[bytes]:
        """Read the bytes of the array: a severity after the other, of each part its share."""
        for severity in range(len(self.severities)):
            for number, start in enumerate(range(0, self.images, self.part_size)):
                count = min(self.part_size, self.images - start)
                share = count * self.size[0] * self.size[1] * 3
                with self._part(corruption, number, count).open('rb') as file:
                    file.seek(severity * share)
                    yield file.read(share)


def _write_npy(path: Path, dtype: str, shape: tuple[int, ...], blocks: Iterable[bytes]) -> str:
    digest = hashlib.sha256()

    def write(temporary: Path) -> None:
        with temporary.open('wb') as file:
            header = dict(descr=dtype, fortran_order=False, shape=shape)
            np.lib.format.write_array_header_1_0(file, header)
            # Not numpy's own writing: of a full disk it says no more than
            # 'N requested and M written'.
            header_size = file.tell()
            for block in blocks:
                file.write(block)
            if file.tell() - header_size != np.dtype(dtype).itemsize * math.prod(shape):
                raise CTError(f'the parts of {path} are damaged: start anew in another folder')
        with temporary.open('rb') as file:
            while block := file.read(1 << 20):
                digest.update(block)

    write_whole(path, write)
    return digest.hexdigest()


@dataclass(frozen=True)
class FolderLayout(Layout):
    """``<corruption>/<severity>/<class>/<name>.jpg``.

    Args:
        out, work, severities, seed, table: As for any layout.
        classes (tuple[str, ...]): The folder of each class, in label order.
    """

    classes: tuple[str, ...]

    @staticmethod
    def has(out: Path, corruption: str) -> bool:
        """Look for its folder."""
        return (out / corruption).is_dir()

    def reopen(self, corruption: str) -> None:
        """Take back a folder: the run was killed right after it was moved."""
        if self.has(self.out, corruption):
            os.replace(self.out / corruption, self.work / corruption)

    def make(self, source: Source, corruption: str, part: Part) -> bool:
        """Make those images of a part that are not there."""
        made = False
        for i, index in enumerate(part.indices):
            name = Path(self.classes[part.labels[i]]) / source.file_name(int(index))
            files = {s: self.work / corruption / str(s) / name for s in self.severities}
            missing = {s: path for s, path in files.items() if not path.exists()}
            if not missing:
                continue
            # One by one: the images' sizes may differ.
            image = part.read(source, i)[None]
            for severity, path in missing.items():
                corrupted = self.corrupt(image, corruption, severity, part.indices[i:i + 1])
                _write_jpeg(path, corrupted[0])
            made = True
        return made

    def finish(self, corruption: str) -> dict[str, str]:
        """Move the folder to its place; a million digests would be no manifest."""
        made = self.work / corruption
        for severity in self.severities:
            for name in self.classes:
                # Also those of classes without images: readers number the
                # folders that they find.
                (made / str(severity) / name).mkdir(parents=True, exist_ok=True)
        os.replace(made, self.out / corruption)
        return {}


def class_folders(source: Source, labels: np.ndarray) -> tuple[str, ...]:
    """Name a folder for each class, such that they sort in the order of the labels.

    Args:
        source (Source): The data set.
        labels (np.ndarray): Of its images.

    Returns:
        tuple[str, ...]: The source's own folders, where it has such; else the
        labels as numbers of equal length.
    """
    if source.class_folders is not None:
        return tuple(source.class_folders)
    count = max(len(source.classes or ()), int(labels.max()) + 1)
    return tuple(f'{label:0{len(str(count - 1))}d}' for label in range(count))


def check_names(source: Source, indices: np.ndarray, names: np.ndarray) -> None:
    """Refuse images that would be written to the same file.

    Args:
        source (Source): The data set.
        indices (np.ndarray): Of the images. (N,)
        names (np.ndarray): A number for each label and file name. (N,)

    Raises:
        CTError: Names two of them.
    """
    order = np.argsort(names, kind='stable')
    twins = np.flatnonzero(names[order][1:] == names[order][:-1])
    if twins.size:
        first, second = (int(indices[order[twins[0] + i]]) for i in (0, 1))
        raise CTError(
            f'{source.path(first)} and {source.path(second)} would both be written to '
            f'{source.file_name(first)} of one class: rename one, or choose --layout arrays'
        )


def _write_jpeg(path: Path, image: np.ndarray) -> None:
    # As the released ImageNet-C was saved.
    content = io.BytesIO()
    Image.fromarray(image).save(content, 'JPEG', quality=85, optimize=True)
    write_bytes(path, content.getvalue())
