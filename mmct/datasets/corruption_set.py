"""Data sets that are scored cell by cell: a cell is a corruption at a severity."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from filelock import FileLock
from mmpretrain.datasets import BaseDataset, PackInputs

from mmct.corruptions import (
    CATEGORIES,
    SEVERITIES,
    Cell,
    categories_with,
    check_severity,
    choose_corruptions,
)
from mmct.corruptions.channels import ARRAYS, check_channel_order, reordered
from mmct.evaluation.same_images import describe

from .released import Archive

META_KEYS = (
    'corruption', 'severity', 'position', 'sample_idx', 'img_path', 'ori_shape', 'img_shape'
)  # fmt: skip
"""What a sample has to carry for :class:`mmct.evaluation.metrics.CorruptionError`."""


class CorruptionSet(BaseDataset):
    """Base of the data sets that have a cell for each corruption and severity.

    A sample's index is ``cell * num_images + position``. Each cell has the same
    images in the same order, so that networks can be compared image by image.
    Stock data loaders get samples; :meth:`read` gives whole batches of pixels.

    Subclasses set ``cells`` and ``labels`` in :meth:`open` and return the
    pixels of a cell in :meth:`pixels`.

    Args:
        corruptions (Sequence[str], optional): Names, also of categories. None: those that
            the set has by default.
        severities (Sequence[int], optional): From 1 to 5. None: all.
        channel_order (str, optional): 'rgb' or 'bgr': the order that the
            model's ``data_preprocessor`` expects. None: the set's own.
        pipeline (Sequence, optional): For a sample with ``img``. None:
            ``PackInputs`` with the meta keys of a cell.
        **kwargs: As for mmpretrain's ``BaseDataset``.

    Attributes:
        cells (tuple[Cell]): In order.
        labels (np.ndarray): Of the images of any cell. int64 (num_images,)

    Raises:
        ValueError: If an argument is none of these.
    """

    NAME = ''
    """What results call the set."""

    CATEGORIES = CATEGORIES
    """The kinds of its corruptions, and the names of each kind."""

    own_order = ARRAYS
    """The order of the channels that :meth:`pixels` gives."""

    cells: tuple[Cell, ...]
    labels: np.ndarray

    def __init__(
        self,
        corruptions: Sequence[str] | None = None,
        severities: Sequence[int] | None = None,
        channel_order: str | None = None,
        pipeline: Sequence | None = None,
        **kwargs,
    ) -> None:
        order = check_channel_order(channel_order, type(self).__name__)
        self.channel_order = order or self.own_order
        self._corruptions = None if corruptions is None else self._checked(corruptions)
        self._severities = None
        if severities is not None:
            self._severities = sorted({check_severity(severity) for severity in severities})
        if pipeline is None:
            pipeline = [dict(type='mmpretrain.PackInputs', meta_keys=META_KEYS)]
        kwargs.setdefault('ann_file', '')
        # There is nothing to serialize: a sample is known by its number alone.
        super().__init__(pipeline=pipeline, **{**kwargs, 'serialize_data': False})

    def _checked(self, corruptions: Sequence[str]) -> list[str]:
        """Sort the names as the set does, each once."""
        return choose_corruptions(corruptions, self.CATEGORIES)

    @property
    def known(self) -> tuple[str, ...]:
        """The corruptions that the set may have, in order."""
        return tuple(name for names in self.CATEGORIES.values() for name in names)

    def open(self) -> None:
        """Check the set, and set ``cells`` and ``labels``.

        Raises:
            FileNotFoundError: If a part of it is missing.
            ValueError: If a part of it is not what it should be.
        """
        raise NotImplementedError

    def pixels(self, cell: Cell, positions: range) -> np.ndarray:
        """Read images of a cell.

        Args:
            cell (Cell): One of ``cells``.
            positions (range): Which images.

        Returns:
            np.ndarray: uint8, channels in ``own_order``. (B, H, W, 3)
        """
        raise NotImplementedError

    def close(self) -> None:
        """Let go of what is open: memory must not grow with the cells."""

    def describe(self) -> dict[str, Any]:
        """Describe the data, for result files.

        Returns:
            dict: JSON-able; also in ``metainfo['corruptions']``.
        """
        classes = self._metainfo.get('classes')
        return describe(self.NAME, self.labels, classes, self.CATEGORIES)

    def load_data_list(self) -> np.ndarray:
        """Open the set, and number its samples. (cells * num_images,)."""
        self.open()
        self._metainfo['corruptions'] = self.describe()
        return np.arange(len(self.cells) * self.num_images)

    @property
    def num_images(self) -> int:
        """Number of images in each cell."""
        return len(self.labels)

    def read(self, cell: int, positions: slice) -> np.ndarray:
        """Read a batch as the network is to see it.

        Args:
            cell (int): Number of the cell.
            positions (slice): Which images.

        Returns:
            np.ndarray: uint8, channels in ``channel_order``. (B, H, W, 3)
        """
        chosen = range(self.num_images)[positions]
        transforms = self.pipeline.transforms
        if len(transforms) == 1 and isinstance(transforms[0], PackInputs):
            return self._ordered(self.pixels(self.cells[cell], chosen))
        # A pipeline of the user's own, such as a resize.
        first = cell * self.num_images
        packed = [self.pipeline(self._info(first + position)) for position in chosen]
        return np.stack([result['inputs'].permute(1, 2, 0).numpy() for result in packed])

    def _ordered(self, images: np.ndarray) -> np.ndarray:
        # A copy in any case: of a mapped file nothing must be held.
        return np.array(reordered(images, self.own_order, self.channel_order), order='C')

    def _info(self, row: int) -> dict[str, Any]:
        number, position = divmod(row, self.num_images)
        cell = self.cells[number]
        image = self._ordered(self.pixels(cell, range(position, position + 1)))[0]
        return dict(
            img=image,
            img_shape=image.shape[:2],
            ori_shape=image.shape[:2],
            gt_label=int(self.labels[position]),
            corruption=cell.corruption,
            severity=cell.severity,
            position=position,
        )

    def get_data_info(self, idx: int) -> dict[str, Any]:
        """Get a sample before its pipeline.

        Args:
            idx (int): Index of the sample.
        """
        self.full_init()
        return {**self._info(int(self.data_list[idx])), 'sample_idx': idx % len(self)}

    def get_gt_labels(self) -> np.ndarray:
        """Get the class of each sample. (len,)."""
        self.full_init()
        return self.labels[np.asarray(self.data_list, int) % self.num_images]

    def get_cat_ids(self, idx: int) -> list[int]:
        """Get the class of a sample.

        Args:
            idx (int): Index of the sample.
        """
        self.full_init()
        return [int(self.labels[self.data_list[idx] % self.num_images])]

    def __getstate__(self) -> dict[str, Any]:
        """Pickle without what is open: workers open their own."""
        self.close()
        return self.__dict__.copy()


class StoredCorruptionSet(CorruptionSet):
    """Base of the corruption sets that lie in a folder.

    By default a set is read with the 15 corruptions of the benchmark, and with the
    4 extra ones if one of those is there: they are released apart. A
    ``manifest.json`` of ``tools/make_corruptions.py`` says that the set is generated,
    and which severities it has.

    Subclasses say in :meth:`has` whether a corruption is there, and read what lies
    beside the pixels in :meth:`open_cells`. Those of no set in particular take corruptions
    of any name: by default they are read with what else is there, too.

    Args:
        data_root (str): The folder.
        download (bool): Whether to fetch the released files of the chosen corruptions
            that are not there, many gigabytes, and check their MD5; for sets with a
            public record. Defaults to False.
        **kwargs: As for :class:`CorruptionSet`.

    Raises:
        ValueError: If ``download`` is set and there is no record, or the folder holds a
            generated set.
        CTError: If a download breaks off for good; the next one goes on with it.
    """

    ARCHIVES: tuple[Archive, ...] = ()
    """The files of its public record."""

    def __init__(self, data_root: str, download: bool = False, **kwargs) -> None:
        if download and not self.ARCHIVES:
            raise ValueError(f'{type(self).__name__}: there is no released file to download')
        self.download = download
        further = self.stored_names(Path(data_root)) - {*self.known}
        if further:
            self.CATEGORIES = {**self.CATEGORIES, **categories_with(sorted(further))}
        super().__init__(data_root=data_root, **kwargs)

    @classmethod
    def stored_names(cls, root: Path) -> set[str]:
        """List the corruptions of any name that lie in a folder; none for a certain set.

        Args:
            root (Path): The folder; it may not be there.
        """
        return set()

    def open(self) -> None:
        """Choose the cells and check their files."""
        root = Path(self.data_root)
        if self.download:
            self._fetch(root)
        if not root.is_dir():
            fetch = 'download=True (--download) fetches the released set, and '
            raise FileNotFoundError(
                f'{type(self).__name__}: there is no folder {root}; '
                f'{fetch if self.ARCHIVES else ""}tools/make_corruptions.py makes a corruption set'
            )
        self.manifest = _read_manifest(root / 'manifest.json')
        self.stored_severities = list((self.manifest or {}).get('severities', SEVERITIES))
        severities = self._severities or self.stored_severities
        missing = sorted(set(severities) - set(self.stored_severities))
        if missing:
            raise ValueError(
                f'{root} has the severities {self.stored_severities}, but not {missing}'
            )
        names = self._corruptions or self._default_corruptions()
        self.cells = tuple(Cell(name, severity) for name in names for severity in severities)
        self.open_cells()

    def _fetch(self, root: Path) -> None:
        names = self._corruptions or self._default_corruptions()

        def missing(archive: Archive) -> bool:
            return any(name in archive.corruptions and not self.has(name) for name in names)

        if not any(map(missing, self.ARCHIVES)):
            return
        if (root / 'manifest.json').exists():
            raise ValueError(f'{root} holds a generated set: download into another folder')
        root.mkdir(parents=True, exist_ok=True)
        # The other processes of a run wait, and then find it done.
        with FileLock(root / '.download.lock'):
            for archive in self.ARCHIVES:
                if missing(archive):
                    archive.fetch(root, {*self.known, 'labels'})

    def has(self, corruption: str) -> bool:
        """Look for a corruption.

        Args:
            corruption (str): Its name.

        Returns:
            bool: Whether it is there.
        """
        raise NotImplementedError

    def open_cells(self) -> None:
        """Check the files of ``cells``, and set ``labels``."""
        raise NotImplementedError

    def describe(self) -> dict[str, Any]:
        """Describe the data, for result files; of a generated set also how it was made."""
        made = self.manifest
        if made is None:
            return super().describe()
        origin = dict(source=made['label'], seed=made['seed'], table=made['table'])
        names = {cell.corruption for cell in self.cells}
        own = {name: what for name, what in made.get('own', {}).items() if name in names}
        return {**super().describe(), **origin, **(dict(own=own) if own else {})}

    @property
    def manifest_classes(self) -> list[str] | None:
        """The class names that the manifest has, if there is one."""
        return None if self.manifest is None else self.manifest['source']['classes']

    def _default_corruptions(self) -> list[str]:
        extra = self.CATEGORIES.get('extra', ())
        with_extra = any(self.has(name) for name in extra)
        usual = [name for names in type(self).CATEGORIES.values() for name in names]
        further = [name for name in self.known if name not in usual]
        if further and not any(self.has(name) for name in usual):
            return further
        return [name for name in self.known if with_extra or name not in extra]


def _read_manifest(file: Path) -> dict[str, Any] | None:
    """Read what ``tools/make_corruptions.py`` wrote; released sets have no such file."""
    if not file.is_file():
        return None
    from mmct.records import read_record

    from .manifest import Manifest

    try:
        return read_record(file, Manifest)
    except ValueError as error:
        raise ValueError(f'{file} is damaged ({error}): make the set again') from error
