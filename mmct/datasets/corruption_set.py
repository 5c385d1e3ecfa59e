"""Define data sets that are scored cell by cell; a cell is a corruption at a severity."""

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
    check_severities,
    choose_corruptions,
)
from mmct.corruptions.channels import ARRAYS, check_channel_order, reordered
from mmct.evaluation.same_images import describe
from mmct.messages import absent

from .released import Archive

META_KEYS = (
    'corruption', 'severity', 'position', 'sample_idx', 'img_path', 'ori_shape', 'img_shape'
)  # fmt: skip
"""The meta keys of a sample that :class:`mmct.evaluation.metrics.CorruptionError` needs."""


class CorruptionSet(BaseDataset):
    """Base class of the data sets with a cell for each corruption and severity.

    The index of a sample is ``cell * num_images + position``. Each cell has the
    same images in the same order, so networks can be compared image by image.
    Data loaders get samples; :meth:`read` gives whole batches of pixels.

    Subclasses set ``cells`` and ``labels`` in :meth:`open` and return the
    pixels of a cell in :meth:`pixels`.

    Args:
        corruptions (Sequence[str], optional): Names of corruptions or categories. Defaults to
            None: the default corruptions of the set.
        severities (Sequence[int], optional): Severities from 1 to 5. Defaults to None: all.
        channel_order (str, optional): The order that the model's ``data_preprocessor``
            expects, 'rgb' or 'bgr'. Defaults to None: the order of the set.
        pipeline (Sequence, optional): The pipeline for a sample with ``img``. Defaults to
            None: ``PackInputs`` with the meta keys of a cell.
        **kwargs: Arguments of mmpretrain's ``BaseDataset``.

    Attributes:
        cells (tuple[Cell]): The cells in order.
        labels (np.ndarray): Labels of the images of each cell. int64 (num_images,)

    Raises:
        ValueError: If an argument is not allowed.
    """

    NAME = ''
    """Name of the set in results."""

    CATEGORIES = CATEGORIES
    """The categories of the set's corruptions, with the names in each."""

    own_order = ARRAYS
    """The order of the channels that :meth:`pixels` returns."""

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
        self._severities = None if severities is None else check_severities(severities)
        if pipeline is None:
            pipeline = [dict(type='mmpretrain.PackInputs', meta_keys=META_KEYS)]
        kwargs.setdefault('ann_file', '')
        # There is nothing to serialize, as a number identifies a sample.
        super().__init__(pipeline=pipeline, **{**kwargs, 'serialize_data': False})

    def _checked(self, corruptions: Sequence[str]) -> list[str]:
        """Sort the names in the order of the set, without duplicates."""
        return choose_corruptions(corruptions, self.CATEGORIES)

    @property
    def known(self) -> tuple[str, ...]:
        """Return the corruptions that the set may have, in order."""
        return tuple(name for names in self.CATEGORIES.values() for name in names)

    def open(self) -> None:
        """Check the set, and set ``cells`` and ``labels``.

        Raises:
            FileNotFoundError: If a part of the set is missing.
            ValueError: If a part of the set is damaged or inconsistent.
        """
        raise NotImplementedError

    def pixels(self, cell: Cell, positions: range) -> np.ndarray:
        """Read images of a cell.

        Args:
            cell (Cell): One of ``cells``.
            positions (range): Positions of the images in the cell.

        Returns:
            np.ndarray: The images, uint8, channels in ``own_order``. (B, H, W, 3)
        """
        raise NotImplementedError

    def close(self) -> None:
        """Release open files, so that memory does not grow with the cells."""

    def describe(self) -> dict[str, Any]:
        """Describe the data for result files.

        Returns:
            dict: A description that JSON can hold; ``metainfo['corruptions']`` has it, too.
        """
        classes = self._metainfo.get('classes')
        return describe(self.NAME, self.labels, classes, self.CATEGORIES)

    def load_data_list(self) -> np.ndarray:
        """Open the set, and return the numbers of its samples, (cells * num_images,)."""
        self.open()
        self._metainfo['corruptions'] = self.describe()
        return np.arange(len(self.cells) * self.num_images)

    @property
    def num_images(self) -> int:
        """Return the number of images in each cell."""
        return len(self.labels)

    def read(self, cell: int, positions: slice) -> np.ndarray:
        """Read a batch of images for the network.

        Args:
            cell (int): Number of the cell.
            positions (slice): Positions of the images in the cell.

        Returns:
            np.ndarray: The images, uint8, channels in ``channel_order``. (B, H, W, 3)
        """
        chosen = range(self.num_images)[positions]
        transforms = self.pipeline.transforms
        if len(transforms) == 1 and isinstance(transforms[0], PackInputs):
            return self._ordered(self.pixels(self.cells[cell], chosen))
        # A custom pipeline, such as a resize.
        first = cell * self.num_images
        packed = [self.pipeline(self._info(first + position)) for position in chosen]
        return np.stack([result['inputs'].permute(1, 2, 0).numpy() for result in packed])

    def _ordered(self, images: np.ndarray) -> np.ndarray:
        # Always a copy, so that nothing refers to a mapped file.
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
        """Get a sample before it goes through the pipeline.

        Args:
            idx (int): Index of the sample.
        """
        self.full_init()
        return {**self._info(int(self.data_list[idx])), 'sample_idx': idx % len(self)}

    def get_gt_labels(self) -> np.ndarray:
        """Get the class of each sample, (len,)."""
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
        """Pickle the set without open files, as worker processes open their own."""
        self.close()
        return self.__dict__.copy()


class StoredCorruptionSet(CorruptionSet):
    """Base class of the corruption sets that are stored in a folder.

    By default a set has the 15 corruptions of the benchmark, and the 4 extra ones if any
    of those exists, since they are released separately. A ``manifest.json`` of
    ``tools/make_corruptions.py`` marks a set as generated and lists its severities and
    corruptions, all of which it has by default.

    Subclasses check in :meth:`has` whether a corruption exists, and read everything but
    the pixels in :meth:`open_cells`. Subclasses for no particular set accept corruptions
    of any name. If a set has none of the benchmark's, it has all others that exist by default.

    Args:
        data_root (str): The folder.
        download (bool): Whether to download missing files of the chosen corruptions from
            the public record of the set (many gigabytes) and check their MD5. Defaults to
            False.
        **kwargs: Arguments of :class:`CorruptionSet`.

    Raises:
        ValueError: If ``download`` is set but the set has no public record, or the folder
            holds a generated set.
        CTError: If a download keeps failing; the next one continues it.
    """

    ARCHIVES: tuple[Archive, ...] = ()
    """The files of the set's public record."""

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
        """List the corruptions of any name in a folder; a particular set has none.

        Args:
            root (Path): The folder; it need not exist.
        """
        return set()

    def open(self) -> None:
        """Choose the cells and check their files."""
        root = Path(self.data_root)
        self.manifest = None
        if self.download:
            self._fetch(root)
        if not root.is_dir():
            fetch = 'download=True (--download) fetches the released set, and '
            raise FileNotFoundError(
                f'{type(self).__name__}: folder {absent(root)}; '
                f'{fetch if self.ARCHIVES else ""}tools/make_corruptions.py makes a corruption set'
            )
        self.manifest = _read_manifest(root / 'manifest.json')
        self.stored_severities = list((self.manifest or {}).get('severities', SEVERITIES))
        severities = self._severities or self.stored_severities
        missing = sorted(set(severities) - set(self.stored_severities))
        if missing:
            raise ValueError(
                f'{root} has severities {self.stored_severities}, but not {missing}'
            )
        names = self._corruptions or self._default_corruptions()
        self.cells = tuple(Cell(name, severity) for name in names for severity in severities)
        self.open_cells()

    def _fetch(self, root: Path) -> None:
        names = self._corruptions or self._default_corruptions()

        def missing(archive: Archive) -> bool:
            return any(name in archive.corruptions and not self.has(name) for name in names)

        left = [archive.downloaded(root).exists() for archive in self.ARCHIVES]
        if not any(left) and not any(map(missing, self.ARCHIVES)):
            return
        if (root / 'manifest.json').exists():
            raise ValueError(f'{root} holds a generated set: download into another folder')
        root.mkdir(parents=True, exist_ok=True)
        # The other processes of a run wait until the download is complete.
        with FileLock(root / '.download.lock'):
            for archive in self.ARCHIVES:
                if missing(archive):
                    archive.fetch(root, {*self.known, 'labels'})
                elif all(map(self.has, archive.corruptions)):
                    archive.downloaded(root).unlink(missing_ok=True)

    def has(self, corruption: str) -> bool:
        """Check whether the files of a corruption exist.

        Args:
            corruption (str): Name of the corruption.

        Returns:
            bool: True if they exist.
        """
        raise NotImplementedError

    def open_cells(self) -> None:
        """Check the files of ``cells``, and set ``labels``."""
        raise NotImplementedError

    def describe(self) -> dict[str, Any]:
        """Describe the data for result files, including how a generated set was made."""
        made = self.manifest
        if made is None:
            return super().describe()
        origin = dict(source=made['label'], seed=made['seed'], table=made['table'])
        names = {cell.corruption for cell in self.cells}
        own = {name: what for name, what in made.get('own', {}).items() if name in names}
        return {**super().describe(), **origin, **(dict(own=own) if own else {})}

    @property
    def manifest_classes(self) -> list[str] | None:
        """Return the class names in the manifest, or None without them."""
        return None if self.manifest is None else self.manifest['source']['classes']

    def _default_corruptions(self) -> list[str]:
        made = self.manifest and [n for n in self.known if n in self.manifest['corruptions']]
        if made:
            return made
        extra = self.CATEGORIES.get('extra', ())
        with_extra = any(self.has(name) for name in extra)
        usual = [name for names in type(self).CATEGORIES.values() for name in names]
        further = [name for name in self.known if name not in usual]
        if further and not any(self.has(name) for name in usual):
            return further
        return [name for name in self.known if with_extra or name not in extra]


def _read_manifest(file: Path) -> dict[str, Any] | None:
    """Read the manifest of a generated set; released sets have none."""
    if not file.is_file():
        return None
    from mmct.records import read_record

    from .manifest import Manifest

    try:
        return read_record(file, Manifest)
    except ValueError as error:
        raise ValueError(f'{file} is damaged ({error}): make the set again') from error
