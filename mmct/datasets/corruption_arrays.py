"""Corruption sets in the layout of CIFAR-10-C."""

from pathlib import Path
from typing import Any

import numpy as np
from mmpretrain.registry import DATASETS

from .cell import Cell
from .corruption_cells import CorruptionCells
from .set_files import (
    choose_corruptions,
    choose_severities,
    origin,
    read_manifest,
    severities_of,
)


@DATASETS.register_module()
class CorruptionArrays(CorruptionCells):
    """A file ``<corruption>.npy`` of all severities, and ``labels.npy``.

    The images of the severities one after the other, each the same N images in
    the same order: uint8 RGB (S x N, H, W, 3); labels (S x N,). N may be less
    than in the released sets. A ``manifest.json`` of
    ``tools/make_corruptions.py`` says that the set is generated.

    Files are mapped into memory, one at a time, and never unpickled. All of
    them are checked when the set is opened, without reading the pixels.

    Args:
        data_root (str): The folder.
        **kwargs: As for :class:`CorruptionCells`.

    Raises:
        FileNotFoundError: If a file is missing; names it.
        ValueError: If a file is damaged or does not fit the others; names it,
            and the cell where there is one.
    """

    NAME = 'arrays'

    IMAGE_SIZE: tuple[int, int] | None = None
    """Height and width that the images must have."""

    def __init__(self, data_root: str, **kwargs) -> None:
        # The one mapped file: its name and its pixels.
        self._mapped: tuple[str, np.ndarray] | None = None
        super().__init__(data_root=data_root, **kwargs)

    def open(self) -> None:
        """Check all files of the chosen cells."""
        root = Path(self.data_root)
        if not root.is_dir():
            raise FileNotFoundError(
                f'{type(self).__name__}: there is no folder {root}; tools/make_corruptions.py '
                'makes a corruption set'
            )
        manifest = read_manifest(root)
        self._there = severities_of(manifest)
        self._origin = origin(manifest)
        if manifest is not None and manifest['source']['classes']:
            self._metainfo.setdefault('classes', tuple(manifest['source']['classes']))
        names = choose_corruptions(
            self._corruptions, self.CATEGORIES, lambda name: self._file(name).is_file()
        )
        severities = choose_severities(self._severities, self._there, root)
        self.labels = self._read_labels()
        sizes = {name: self._checked_size(name) for name in names}
        other = [name for name in names if sizes[name] != sizes[names[0]]]
        if other:
            raise ValueError(
                f'{self._file(other[0])} has images of {sizes[other[0]]} px, but '
                f'{self._file(names[0])} of {sizes[names[0]]}'
            )
        self.cells = tuple(Cell(name, severity) for name in names for severity in severities)

    def pixels(self, cell: Cell, positions: range) -> np.ndarray:
        """Read images of a cell."""
        if self._mapped is None or self._mapped[0] != cell.corruption:
            self.close()
            self._mapped = cell.corruption, _mapped(self._file(cell.corruption))
        first = self._there.index(cell.severity) * self.num_images
        return self._mapped[1][first + positions.start:first + positions.stop:positions.step]

    def close(self) -> None:
        """Unmap the file: its pages count as memory of this process."""
        self._mapped = None

    def describe(self) -> dict[str, Any]:
        """What a result file says about the data."""
        return {**super().describe(), **self._origin}

    def _file(self, name: str) -> Path:
        return Path(self.data_root) / f'{name}.npy'

    def _read_labels(self) -> np.ndarray:
        """The labels of one block, checked."""
        file = self._file('labels')
        labels = np.array(_mapped(file))
        blocks = len(self._there)
        if labels.ndim != 1 or labels.dtype.kind not in 'iu' or not len(labels):
            raise ValueError(
                f'{file} must hold integers of shape (N,), got {labels.dtype} of {labels.shape}'
            )
        if len(labels) % blocks:
            raise ValueError(
                f'{file} has {len(labels)} labels, which is not {blocks} blocks (one a '
                'severity) of the same length'
            )
        labels = labels.astype(np.int64).reshape(blocks, -1)
        other = np.flatnonzero((labels != labels[0]).any(1))
        if len(other):
            raise ValueError(
                f'{file} is not the same for each severity: the block of severity '
                f'{self._there[other[0]]} differs from the first'
            )
        classes = self._metainfo.get('classes')
        low, high = int(labels.min()), int(labels.max())
        if low < 0 or (classes is not None and high >= len(classes)):
            allowed = '0 or more' if classes is None else f'0 to {len(classes) - 1}'
            raise ValueError(
                f'{file} has labels from {low} to {high}, but they must be {allowed}: is it of '
                'another set?'
            )
        return labels[0].copy()

    def _checked_size(self, name: str) -> tuple[int, int]:
        file = self._file(name)
        images = _mapped(file)
        if images.dtype != np.uint8 or images.ndim != 4 or images.shape[3] != 3:
            raise ValueError(
                f'{file} must hold uint8 RGB images of shape (N, H, W, 3), got {images.dtype} '
                f'of {images.shape}'
            )
        if not images.flags.c_contiguous:
            raise ValueError(
                f'{file} is stored in Fortran order: save it again with '
                'numpy.ascontiguousarray'
            )
        count, size = len(images), images.shape[1:3]
        if count != len(self._there) * self.num_images:
            whole = min(count // self.num_images, len(self._there) - 1)
            raise ValueError(
                f'{file} has {count} images, but the labels are for '
                f'{len(self._there)} x {self.num_images}: see {name} at severity '
                f'{self._there[whole]}'
            )
        if self.IMAGE_SIZE not in (None, size):
            raise ValueError(f'{file} has images of {size} px, not {self.IMAGE_SIZE}')
        return size


def _mapped(file: Path) -> np.ndarray:
    """Map an .npy file; nothing of it is unpickled."""
    if not file.is_file():
        raise FileNotFoundError(f'there is no {file}')
    try:
        return np.lib.format.open_memmap(file, mode='r')
    except Exception as error:
        # A header may be damaged in any way: it is parsed as Python's literals.
        reason = ' '.join(str(error).split()) or type(error).__name__
        raise ValueError(f'{file} is damaged or no .npy file of numbers: {reason}') from error
