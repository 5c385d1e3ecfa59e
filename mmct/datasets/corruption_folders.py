"""Corruption sets in the layout of ImageNet-C."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from mmpretrain.registry import DATASETS

from .cell import Cell
from .corruption_cells import CorruptionCells
from .image_files import IMAGE_ENDINGS, decoded
from .set_files import (
    choose_corruptions,
    choose_severities,
    origin,
    read_manifest,
    severities_of,
)


@DATASETS.register_module()
class CorruptionFolders(CorruptionCells):
    """Image files ``<corruption>/<severity>/<class>/*``, as they are: not resized.

    Each cell must have the same files. They are listed, and compared with those
    of the first cell, when the set is opened. A ``manifest.json`` of
    ``tools/make_corruptions.py`` says that the set is generated.

    Args:
        data_root (str): The folder.
        **kwargs: As for :class:`CorruptionCells`; ``channel_order`` is 'bgr' by
            default, as mmcv reads files.

    Raises:
        FileNotFoundError: If a folder is missing; names the cell.
        ValueError: If a cell lacks images, or a class has none; names the cell
            and the file. When read, if images differ in size.
        OSError: When read, if a file is no whole image; names it.
    """

    NAME = 'folders'
    own_order = 'bgr'

    LEVELS: dict[str, tuple[str, ...]] = {}
    """The folders of the severities, where they are not called 1 to 5."""

    def __init__(self, data_root: str, **kwargs) -> None:
        super().__init__(data_root=data_root, **kwargs)

    def open(self) -> None:
        """List the files of the chosen cells."""
        root = Path(self.data_root)
        if not root.is_dir():
            raise FileNotFoundError(
                f'{type(self).__name__}: there is no folder {root}; tools/make_corruptions.py '
                'makes a corruption set'
            )
        manifest = read_manifest(root)
        self._origin = origin(manifest)
        names = choose_corruptions(
            self._corruptions, self.CATEGORIES, lambda name: (root / name).is_dir()
        )
        severities = choose_severities(self._severities, severities_of(manifest), root)
        self.cells = tuple(Cell(name, severity) for name in names for severity in severities)
        first, *others = self.cells
        files = list(self._files(first))
        for cell in others:
            self._compare(cell, list(self._files(cell)), files)
        folders = sorted({name.split('/')[0] for name in files})
        self._settle_classes(folders, (manifest or {}).get('source', {}).get('classes'))
        number = {folder: label for label, folder in enumerate(folders)}
        self.labels = np.array([number[name.split('/')[0]] for name in files], np.int64)
        self._names = np.array(files)

    def pixels(self, cell: Cell, positions: range) -> np.ndarray:
        """Decode images of a cell."""
        paths = [self._folder(cell) / self._names[position] for position in positions]
        images = [decoded(path) for path in paths]
        for path, image in zip(paths, images, strict=True):
            if image.shape != images[0].shape:
                raise ValueError(
                    f'{path} has {image.shape[:2]} px, but {paths[0]} has '
                    f'{images[0].shape[:2]}: give the set a pipeline that resizes'
                )
        return np.stack(images)

    def describe(self) -> dict[str, Any]:
        """What a result file says about the data."""
        return {**super().describe(), **self._origin}

    def _info(self, row: int) -> dict[str, Any]:
        number, position = divmod(row, self.num_images)
        path = self._folder(self.cells[number]) / self._names[position]
        return {**super()._info(row), 'img_path': str(path)}

    def _folder(self, cell: Cell) -> Path:
        levels = self.LEVELS.get(cell.corruption)
        level = levels[cell.severity - 1] if levels else str(cell.severity)
        return Path(self.data_root) / cell.corruption / level

    def _files(self, cell: Cell) -> Iterator[str]:
        """``class/file`` of each image, sorted."""
        folder = self._folder(cell)
        if not folder.is_dir():
            raise FileNotFoundError(f'there is no folder {folder} ({cell})')
        classes = sorted(path for path in folder.iterdir() if path.is_dir())
        if not classes:
            raise ValueError(f'{folder} has no class folders ({cell})')
        for path in classes:
            names = sorted(
                file.name for file in path.iterdir() if file.suffix.lower() in IMAGE_ENDINGS
            )
            if not names:
                raise ValueError(f'{path} has no images ({cell}): its class would be left out')
            yield from (f'{path.name}/{name}' for name in names)

    def _compare(self, cell: Cell, files: list[str], expected: list[str]) -> None:
        if files == expected:
            return
        missing = sorted(set(expected) - set(files))
        more = sorted(set(files) - set(expected))
        what = f'lacks {missing[0]}' if missing else f'has {more[0]}'
        raise ValueError(
            f'{self._folder(cell)} ({cell}) has {len(files)} images and {what}, unlike the '
            f'{len(expected)} of {self._folder(self.cells[0])}: each cell must have the same'
        )

    def _settle_classes(self, folders: list[str], classes: list[str] | None) -> None:
        known = self._metainfo.get('classes') or classes
        if known is not None and len(known) != len(folders):
            raise ValueError(
                f'{self.data_root} has {len(folders)} class folders, but the set has '
                f'{len(known)} classes: labels would be wrong'
            )
        self._metainfo['classes'] = tuple(known or folders)
