"""The unit of a corruption benchmark."""

import hashlib
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from mmpretrain.datasets import BaseDataset, PackInputs

from mmct.corruptions import CATEGORIES, SEVERITIES, check_corruption, check_severity

CHANNEL_ORDERS = ('rgb', 'bgr')


class Cell(NamedTuple):
    """A corruption at a severity.

    Attributes:
        corruption (str, optional): Its name; None for clean images.
        severity (int): From 1 to 5; 0 for clean images.
    """

    corruption: str | None
    severity: int

    def __str__(self) -> str:
        return f'{self.corruption} at severity {self.severity}' if self.corruption else 'clean'


CLEAN = Cell(None, 0)
"""The images as they were before."""


def read_manifest(folder: Path) -> dict[str, Any] | None:
    """What ``tools/make_corruptions.py`` wrote beside the images.

    Args:
        folder (Path): The set's.

    Returns:
        dict: The manifest; None where there is none, as in released sets.

    Raises:
        ValueError: If it is damaged.
    """
    file = folder / 'manifest.json'
    if not file.is_file():
        return None
    try:
        manifest = json.loads(file.read_text(encoding='utf-8'))
        _ = manifest['label'], manifest['severities'], manifest['corruptions']
        _ = manifest['seed'], manifest['table'], manifest['source']['classes']
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(f'{file} is damaged ({error}): make the set again') from error
    return manifest


def origin(manifest: dict[str, Any] | None) -> dict[str, Any]:
    """Where a set is from, for its description.

    Args:
        manifest (dict, optional): The set's.

    Returns:
        dict: ``source``; of a generated one also ``seed`` and ``table``.
    """
    if manifest is None:
        return dict(source='released')
    return dict(source=manifest['label'], seed=manifest['seed'], table=manifest['table'])


def severities_of(manifest: dict[str, Any] | None) -> list[int]:
    """The severities that a set has.

    Args:
        manifest (dict, optional): The set's.
    """
    return list(SEVERITIES if manifest is None else manifest['severities'])


def choose_severities(asked: Sequence[int] | None, there: Sequence[int], root: Path) -> list[int]:
    """The severities to read.

    Args:
        asked (Sequence[int], optional): What the user wants; None: all.
        there (Sequence[int]): What the set has.
        root (Path): The set's folder, for the message.

    Raises:
        ValueError: If the set lacks one.
    """
    missing = sorted(set(asked or ()) - set(there))
    if missing:
        raise ValueError(f'{root} has the severities {list(there)}, but not {missing}')
    return list(there if asked is None else asked)


def choose_corruptions(
    asked: Sequence[str] | None,
    categories: dict[str, Sequence[str]],
    has: Callable[[str], bool],
) -> list[str]:
    """The corruptions to read: those asked for, else all of the benchmark.

    The extra ones are released apart: they are read if all are there.

    Args:
        asked (Sequence[str], optional): What the user wants.
        categories (dict): The names of each kind.
        has (Callable): Whether the set has a corruption.
    """
    if asked is not None:
        return list(asked)
    extra = list(categories.get('extra', ()))
    names = [name for kind, each in categories.items() if kind != 'extra' for name in each]
    return names + (extra if any(has(name) for name in extra) else [])


META_KEYS = (
    'corruption', 'severity', 'position', 'sample_idx', 'img_path', 'ori_shape', 'img_shape'
)  # fmt: skip
"""What a sample has to carry for :class:`mmct.evaluation.CorruptionError`."""


class CorruptionCells(BaseDataset):
    """Base of the data sets with a cell for each corruption and severity.

    A sample's index is ``cell * num_images + position``. Each cell has the same
    images in the same order, so that networks can be compared image by image.
    Stock data loaders get samples; :meth:`read` gives whole batches of pixels.

    Subclasses set ``cells`` and ``labels`` in :meth:`open` and return the
    pixels of a cell in :meth:`pixels`.

    Args:
        corruptions (Sequence[str], optional): Names. None: those that the set
            has by default.
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

    own_order = 'rgb'
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
        if channel_order not in (None, *CHANNEL_ORDERS):
            raise ValueError(
                f'{type(self).__name__}: channel_order must be None or one of '
                f'{CHANNEL_ORDERS}, got {channel_order!r}'
            )
        self.channel_order = channel_order or self.own_order
        self._corruptions = None if corruptions is None else self._checked(corruptions)
        self._severities = None
        if severities is not None:
            self._severities = sorted({check_severity(severity) for severity in severities})
        if pipeline is None:
            pipeline = [dict(type='mmpretrain.PackInputs', meta_keys=META_KEYS)]
        kwargs.setdefault('ann_file', '')
        super().__init__(pipeline=pipeline, **kwargs)

    def _checked(self, corruptions: Sequence[str]) -> list[str]:
        """The names in the set's order, each once."""
        if isinstance(corruptions, str):
            corruptions = [corruptions]
        asked = [check_corruption(name, self.known) for name in corruptions]
        if not asked:
            raise ValueError(f'{type(self).__name__}: corruptions must have a name')
        return [name for name in self.known if name in asked]

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
        """What a result file says about the data.

        Returns:
            dict: JSON-able; also in ``metainfo['corruptions']``.
        """
        classes = self._metainfo.get('classes')
        return dict(
            set=self.NAME,
            source='released',
            images=self.num_images,
            num_classes=len(classes) if classes else int(self.labels.max()) + 1,
            labels_sha256=hashlib.sha256(self.labels.astype('<i8').tobytes()).hexdigest(),
            categories={kind: list(names) for kind, names in self.CATEGORIES.items()},
        )

    def full_init(self) -> None:
        """Open the set, if that was put off."""
        if self._fully_initialized:
            return
        self.open()
        self._rows = np.arange(len(self.cells) * self.num_images)
        if self._indices is not None:
            self._rows = self._some(self._indices)
        self._metainfo['corruptions'] = self.describe()
        self._fully_initialized = True

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
        flip = -1 if self.channel_order != self.own_order else 1
        # A copy in any case: of a mapped file nothing must be held.
        return np.array(images[..., ::flip], order='C')

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
        """A sample before its pipeline.

        Args:
            idx (int): Index of the sample.
        """
        self.full_init()
        return {**self._info(int(self._rows[idx])), 'sample_idx': idx % len(self)}

    def __len__(self) -> int:
        self.full_init()
        return len(self._rows)

    def get_gt_labels(self) -> np.ndarray:
        """The class of each sample. (len,)."""
        self.full_init()
        return self.labels[self._rows % self.num_images]

    def get_cat_ids(self, idx: int) -> list[int]:
        """The class of a sample.

        Args:
            idx (int): Index of the sample.
        """
        self.full_init()
        return [int(self.labels[self._rows[idx] % self.num_images])]

    def get_subset_(self, indices: int | Sequence[int]) -> None:
        """Keep some samples.

        Args:
            indices (int | Sequence[int]): Which; or the first n, or the last -n.
        """
        self.full_init()
        self._rows = self._some(indices)

    def get_subset(self, indices: int | Sequence[int]) -> 'CorruptionCells':
        """A data set of some samples.

        Args:
            indices (int | Sequence[int]): Which; or the first n, or the last -n.
        """
        self.full_init()
        subset = self._copy_without_annotation()
        subset.get_subset_(indices)
        return subset

    def _some(self, indices: int | Sequence[int]) -> np.ndarray:
        if isinstance(indices, int):
            return self._rows[:indices] if indices >= 0 else self._rows[indices:]
        return self._rows[list(indices)]

    def __getstate__(self) -> dict[str, Any]:
        """Without what is open: workers open their own."""
        self.close()
        return self.__dict__.copy()
