"""Corruption sets in the layout of ImageNet-C."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from mmpretrain.datasets.categories import IMAGENET_CATEGORIES
from mmpretrain.registry import DATASETS

from mmct.corruptions import Cell
from mmct.corruptions.channels import FILES

from .corruption_set import StoredCorruptionSet
from .images import IMAGE_ENDINGS, decoded


@DATASETS.register_module()
class FolderCorruptionSet(StoredCorruptionSet):
    """Corruption set of image files ``<corruption>/<severity>/<class>/*``, not resized.

    Each cell must have the same files. They are listed, and compared with those
    of the first cell, when the set is opened.

    Args:
        data_root (str): The folder.
        **kwargs: As for :class:`CorruptionSet`; ``channel_order`` is 'bgr' by
            default, as mmcv reads files.

    Raises:
        FileNotFoundError: If a folder is missing; names the cell.
        ValueError: If a cell lacks images, or a class has none; names the cell
            and the file. When read, if images differ in size.
        OSError: When read, if a file is no whole image; names it.
    """

    NAME = 'folders'
    own_order = FILES

    LEVELS: dict[str, tuple[str, ...]] = {}
    """The folders of the severities, where they are not called 1 to 5."""

    @classmethod
    def stored_names(cls, root: Path) -> set[str]:
        """List the folders of any name that have folders of severities."""
        if cls is not FolderCorruptionSet:
            return set()
        return {folder.parent.name for folder in root.glob('*/[1-5]') if folder.is_dir()}

    def has(self, corruption: str) -> bool:
        """Look for the corruption's folder."""
        return (Path(self.data_root) / corruption).is_dir()

    def open_cells(self) -> None:
        """List the files of the chosen cells."""
        first, *others = self.cells
        files = list(self._files(first))
        for cell in others:
            self._compare(cell, list(self._files(cell)), files)
        folders = sorted({name.split('/')[0] for name in files})
        self._name_classes(folders)
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

    def _info(self, row: int) -> dict[str, Any]:
        number, position = divmod(row, self.num_images)
        path = self._folder(self.cells[number]) / self._names[position]
        return {**super()._info(row), 'img_path': str(path)}

    def _folder(self, cell: Cell) -> Path:
        levels = self.LEVELS.get(cell.corruption)
        level = levels[cell.severity - 1] if levels else str(cell.severity)
        return Path(self.data_root) / cell.corruption / level

    def _files(self, cell: Cell) -> Iterator[str]:
        """List ``class/file`` of each image, sorted."""
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

    def _name_classes(self, folders: list[str]) -> None:
        known = self._metainfo.get('classes') or self.manifest_classes
        if known is not None and len(known) != len(folders):
            raise ValueError(
                f'{self.data_root} has {len(folders)} class folders, but the set has '
                f'{len(known)} classes: labels would be wrong'
            )
        self._metainfo['classes'] = tuple(known or folders)


@DATASETS.register_module()
class ImageNetC(FolderCorruptionSet):
    """ImageNet-C (Hendrycks & Dietterich, 2019), https://doi.org/10.5281/zenodo.2235448.

    JPEG files of 224 x 224 pixels, which are not to be resized. By default the
    15 corruptions of the benchmark, and the 4 extra ones if they are there.

    Args:
        **kwargs: As for :class:`FolderCorruptionSet`.
    """

    NAME = 'imagenetc'
    METAINFO = dict(classes=IMAGENET_CATEGORIES)


@DATASETS.register_module()
class TinyImageNetC(FolderCorruptionSet):
    """Tiny-ImageNet-C (Hendrycks & Dietterich, 2019): 200 classes, 64 x 64 pixels.

    Args:
        **kwargs: As for :class:`FolderCorruptionSet`.

    Raises:
        ValueError: If there are not 200 class folders.
    """

    NAME = 'tinyimagenetc'

    def _name_classes(self, folders: list[str]) -> None:
        super()._name_classes(folders)
        if len(folders) != 200:
            raise ValueError(
                f'{self.data_root} has {len(folders)} class folders, but Tiny-ImageNet-C has '
                '200: labels would be wrong'
            )


@DATASETS.register_module()
class ImageNetCBar(FolderCorruptionSet):
    """ImageNet-C-Bar (Mintun et al., 2021): ten corruptions unlike those of ImageNet-C.

    In the layout that facebookresearch/augmentation-corruption writes, whose
    folders carry the strengths; here they are severities 1 to 5 in order.

    Args:
        **kwargs: As for :class:`FolderCorruptionSet`.
    """

    NAME = 'imagenetcbar'
    METAINFO = dict(classes=IMAGENET_CATEGORIES)
    LEVELS = dict(
        blue_noise_sample=('0.80', '1.60', '2.40', '4.00', '5.60'),
        brownish_noise=('1.00', '2.00', '3.00', '4.00', '5.00'),
        caustic_refraction=('2.35', '3.20', '4.90', '6.60', '9.15'),
        checkerboard_cutout=('2.00', '3.00', '4.00', '5.00', '6.00'),
        cocentric_sine_waves=('3.00', '5.00', '8.00', '9.00', '10.00'),
        inverse_sparkles=('1.00', '2.00', '4.00', '9.00', '10.00'),
        perlin_noise=('4.60', '5.20', '5.80', '7.60', '8.80'),
        plasma_noise=('4.75', '7.00', '8.50', '9.25', '10.00'),
        single_frequency_greyscale=('1.00', '1.50', '2.00', '4.50', '5.00'),
        sparkles=('1.00', '2.00', '3.00', '5.00', '6.00'),
    )
    CATEGORIES = dict(c_bar=tuple(LEVELS))
