"""Write a corruption set in a layout: as arrays like CIFAR-10-C, or folders like ImageNet-C."""

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
from mmct.runs.files import temporary_name, write_bytes, write_whole

from .scan import Part
from .source import Source


@dataclass(frozen=True)
class Layout:
    """Base class of the layouts, which define the files of a set and how they are made.

    Each task sends it to a worker process.

    Args:
        out (Path): The folder of the set.
        work (Path): The folder in it for unfinished work.
        severities (tuple[int, ...]): Severities from weak to strong.
        seed (int): Seed of the corruptions, 0 or more.
        table (str): Name of the severity table.
    """

    out: Path
    work: Path
    severities: tuple[int, ...]
    seed: int
    table: str

    @staticmethod
    def has(out: Path, corruption: str) -> bool:
        """Check whether the files of a corruption are complete.

        Args:
            out (Path): The folder of the set.
            corruption (str): The corruption.

        Returns:
            bool: True if all files exist.
        """
        raise NotImplementedError

    def begin(self, labels: np.ndarray) -> None:
        """Write the files that belong to no corruption.

        Args:
            labels (np.ndarray): Labels of the images. (N,)
        """

    def reopen(self, corruption: str) -> None:
        """Mark a corruption as unfinished if its files exist but the manifest lacks it.

        Args:
            corruption (str): The corruption.
        """

    def make(self, source: Source, corruption: str, part: Part) -> bool:
        """Make the missing files of a part; runs in a worker process.

        Args:
            source (Source): The data set.
            corruption (str): The corruption.
            part (Part): The images of the part.

        Returns:
            bool: Whether any file was missing.
        """
        raise NotImplementedError

    def finish(self, corruption: str) -> dict[str, str]:
        """Move the files of a corruption to their final place.

        Args:
            corruption (str): A corruption whose parts are all made.

        Returns:
            dict[str, str]: The SHA-256 of files by name, for the manifest.
        """
        raise NotImplementedError

    def corrupt(
        self, images: np.ndarray, corruption: str, severity: int, indices: np.ndarray
    ) -> np.ndarray:
        """Corrupt images of one size.

        Args:
            images (np.ndarray): RGB images. (N, H, W, 3)
            corruption (str): The corruption.
            severity (int): The severity, 1 to 5.
            indices (np.ndarray): Indices of the images in their data set, which
                make the result independent of the other images. (N,)

        Returns:
            np.ndarray: The corrupted images, of the same shape and dtype.
        """
        settings = dict(seed=self.seed, indices=indices, table=self.table)
        return corrupt(images, corruption, severity, **settings)


@dataclass(frozen=True)
class ArrayLayout(Layout):
    """The layout of CIFAR-10-C: ``<corruption>.npy`` with all severities, and ``labels.npy``.

    Args:
        out, work, severities, seed, table: See :class:`Layout`.
        images (int): Number of images.
        size (tuple[int, int]): Height and width of the images.
        part_size (int): Images in each part but the last.
    """

    images: int
    size: tuple[int, int]
    part_size: int

    @staticmethod
    def has(out: Path, corruption: str) -> bool:
        """Check whether the array of a corruption and the labels exist."""
        return all((out / f'{name}.npy').is_file() for name in (corruption, 'labels'))

    def begin(self, labels: np.ndarray) -> None:
        """Write the labels, repeated for each severity."""
        # 64 bits, as losses need them, and as 8 bits hold too few classes.
        block = labels.astype('<i8').tobytes()
        times = len(self.severities)
        _write_npy(self.out / 'labels.npy', '<i8', (times * self.images,), [block] * times)

    def make(self, source: Source, corruption: str, part: Part) -> bool:
        """Make the file of a part, with all severities."""
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
        """Join the parts to the array of a corruption."""
        final = self.out / f'{corruption}.npy'
        shape = (len(self.severities) * self.images, *self.size, 3)
        return {final.name: _write_npy(final, '|u1', shape, self._blocks(corruption))}

    def _part(self, corruption: str, number: int, images: int) -> Path:
        # The name includes the length: parts of another length belong to another array.
        return self.work / corruption / f'{number:06d}_{images}.bin'

    def _blocks(self, corruption: str) -> Iterator[bytes]:
        """Read the bytes of the array, severity by severity, from all parts."""
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
            # Not NumPy's own writer: on a full disk it only reports
            # 'N requested and M written'.
            header_size = file.tell()
            for block in blocks:
                file.write(block)
            if file.tell() - header_size != np.dtype(dtype).itemsize * math.prod(shape):
                raise CTError(f'the parts of {path} are damaged: start again in another folder')
        with temporary.open('rb') as file:
            while block := file.read(1 << 20):
                digest.update(block)

    write_whole(path, write)
    return digest.hexdigest()


@dataclass(frozen=True)
class FolderLayout(Layout):
    """The layout of ImageNet-C: ``<corruption>/<severity>/<class>/<name>.jpg``.

    Args:
        out, work, severities, seed, table: See :class:`Layout`.
        classes (tuple[str, ...]): Folder names of the classes, in label order.
    """

    classes: tuple[str, ...]

    @staticmethod
    def has(out: Path, corruption: str) -> bool:
        """Check whether the folder of a corruption exists."""
        return (out / corruption).is_dir()

    def reopen(self, corruption: str) -> None:
        """Move a folder back to the unfinished work if a run was killed right after moving it."""
        if self.has(self.out, corruption):
            os.replace(self.out / corruption, self.work / corruption)

    def make(self, source: Source, corruption: str, part: Part) -> bool:
        """Make the missing images of a part."""
        made = False
        for i, index in enumerate(part.indices):
            name = Path(self.classes[part.labels[i]]) / source.file_name(int(index))
            files = {s: self.work / corruption / str(s) / name for s in self.severities}
            missing = {s: path for s, path in files.items() if not path.exists()}
            if not missing:
                continue
            # One by one, as image sizes may differ.
            image = part.read(source, i)[None]
            for severity, path in missing.items():
                corrupted = self.corrupt(image, corruption, severity, part.indices[i:i + 1])
                _write_jpeg(path, corrupted[0])
            made = True
        return made

    def finish(self, corruption: str) -> dict[str, str]:
        """Move the folder to its final place; a manifest has no room for a million digests."""
        made = self.work / corruption
        for stray in made.rglob(temporary_name(Path('*'), '*').name):
            stray.unlink()
        for severity in self.severities:
            for name in self.classes:
                # Classes without images get a folder too, as readers number
                # the folders that they find.
                (made / str(severity) / name).mkdir(parents=True, exist_ok=True)
        os.replace(made, self.out / corruption)
        return {}


def class_folders(source: Source, labels: np.ndarray) -> tuple[str, ...]:
    """Choose folder names for the classes that sort in the order of the labels.

    Args:
        source (Source): The data set.
        labels (np.ndarray): Labels of its images. (N,)

    Returns:
        tuple[str, ...]: The source's own class folders if it has them, else
        the labels as numbers of equal length.
    """
    if source.class_folders is not None:
        return tuple(source.class_folders)
    count = max(len(source.classes or ()), int(labels.max()) + 1)
    return tuple(f'{label:0{len(str(count - 1))}d}' for label in range(count))


def check_names(source: Source, indices: np.ndarray, names: np.ndarray) -> None:
    """Refuse images that would be written to the same file.

    Args:
        source (Source): The data set.
        indices (np.ndarray): Indices of the images. (N,)
        names (np.ndarray): A hash of the label and file name of each. (N,)

    Raises:
        CTError: If two images have the same file; the message names both.
    """
    order = np.argsort(names, kind='stable')
    twins = np.flatnonzero(names[order][1:] == names[order][:-1])
    if twins.size:
        first, second = (int(indices[order[twins[0] + i]]) for i in (0, 1))
        raise CTError(
            f'{source.path(first)} and {source.path(second)} would both be written to '
            f'{source.file_name(first)} of the same class: rename one, or choose --layout arrays'
        )


def _write_jpeg(path: Path, image: np.ndarray) -> None:
    # With the settings of the released ImageNet-C.
    content = io.BytesIO()
    Image.fromarray(image).save(content, 'JPEG', quality=85, optimize=True)
    # Of a class of many images, listing the folder for each would take longer than the images.
    write_whole(path, lambda temporary: temporary.write_bytes(content.getvalue()), tidy=False)
