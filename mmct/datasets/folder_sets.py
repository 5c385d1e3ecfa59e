"""Read corruption sets in the layout of ImageNet-C."""

import logging
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
from mmengine.logging import print_log
from mmpretrain.datasets.categories import IMAGENET_CATEGORIES
from mmpretrain.registry import DATASETS

from mmct.corruptions import BENCHMARK, CATEGORIES, EXTRA, Cell
from mmct.corruptions.c_bar import IMAGENET_C_BAR
from mmct.corruptions.channels import FILES
from mmct.folders import data_folders, image_files, is_system
from mmct.messages import absent

from .corruption_set import StoredCorruptionSet
from .images import decoded, say_if_grey
from .released import Archive


@DATASETS.register_module()
class FolderCorruptionSet(StoredCorruptionSet):
    """A corruption set of image files ``<corruption>/<severity>/<class>/*``, read in full size.

    Each cell (a corruption at a severity) must have the same files. Opening the
    set lists them and compares them with those of most cells. Subfolders of a
    class are read, too, but hidden and system entries are not
    (:mod:`mmct.folders`). If a cell has more classes than most, as ``frost`` has
    in one mirror of Tiny-ImageNet-C, the additional classes are left out with a
    warning. Grey images are read as three equal channels; if the first image is
    grey, a message says so.

    Args:
        data_root (str): The folder.
        **kwargs: Arguments of :class:`StoredCorruptionSet`; ``channel_order`` is
            'bgr' by default, as mmcv reads files.

    Raises:
        FileNotFoundError: If a folder is missing; the message names the cell.
        ValueError: If a cell lacks images, or a class has none; the message
            names the cell and the file. When read, if images differ in size.
        OSError: When read, if a file is not an intact image; the message names
            it.
    """

    NAME = 'folders'
    own_order = FILES

    LEVELS: dict[str, tuple[str, ...]] = {}
    """The severity folders of corruptions that may have other names than 1 to 5."""

    NUM_CLASSES: int | None = None
    """Number of classes of a set that does not name them."""

    REPAIRED = ''
    """A hint for sets with too many classes."""

    @classmethod
    def stored_names(cls, root: Path) -> set[str]:
        """List the folders of any name that contain severity folders."""
        if cls is not FolderCorruptionSet:
            return set()
        folders = (folder for folder in root.glob('*/[1-5]') if folder.is_dir())
        return {folder.parent.name for folder in folders if not is_system(folder.parent.name)}

    def has(self, corruption: str) -> bool:
        """Check whether the folder of a corruption exists."""
        return (Path(self.data_root) / corruption).is_dir()

    def open_cells(self) -> None:
        """List the files of the chosen cells."""
        found = {cell: self._class_folders(cell) for cell in self.cells}
        folders = self._classes_of_most(found)
        self._name_classes(folders)
        # Keep equal lists only once, as a set has millions of names.
        lists: dict[tuple[str, ...], tuple[str, ...]] = {}
        files = {}
        for cell, classes in found.items():
            listed = self._files(cell, classes)
            files[cell] = lists.setdefault(listed, listed)
        names = Counter(files.values()).most_common(1)[0][0]
        for cell in self.cells:
            self._compare(cell, files, names)
        number = {folder: label for label, folder in enumerate(folders)}
        self.labels = np.array([number[name.split('/')[0]] for name in names], np.int64)
        self._names, self._shape = np.array(names), None
        say_if_grey(self._folder(self.cells[0]) / names[0])

    def pixels(self, cell: Cell, positions: range) -> np.ndarray:
        """Decode images of a cell."""
        folder = self._folder(cell)
        paths = [folder / self._names[position] for position in positions]
        images = [decoded(path) for path in paths]
        first = self._folder(self.cells[0]) / self._names[0]
        # However many are read at once, the first of all decides.
        if self._shape is None:
            self._shape = decoded(first).shape
        for path, image in zip(paths, images, strict=True):
            if image.shape != self._shape:
                raise ValueError(
                    f'{path} has {image.shape[:2]} px, but {first} has {self._shape[:2]} px: give '
                    'the set a pipeline that resizes'
                )
        return np.stack(images)

    def _info(self, row: int) -> dict[str, Any]:
        number, position = divmod(row, self.num_images)
        path = self._folder(self.cells[number]) / self._names[position]
        return {**super()._info(row), 'img_path': str(path)}

    def _folder(self, cell: Cell) -> Path:
        folder = Path(self.data_root) / cell.corruption
        numbered, levels = folder / str(cell.severity), self.LEVELS.get(cell.corruption)
        if levels is None or numbered.is_dir():
            return numbered
        return folder / levels[cell.severity - 1]

    def _class_folders(self, cell: Cell) -> tuple[str, ...]:
        folder = self._folder(cell)
        if not folder.is_dir():
            raise FileNotFoundError(f'folder {absent(folder)} ({cell})')
        folders = data_folders(folder)
        if not folders:
            raise ValueError(f'{folder} has no class folders ({cell})')
        return tuple(folders)

    def _classes_of_most(self, found: dict[Cell, tuple[str, ...]]) -> tuple[str, ...]:
        """Choose the class folders that most cells have, and leave out additional ones.

        Args:
            found (dict): The class folders of each cell; additional ones are removed from it.
        """
        known = self._num_classes
        counts = Counter(found.values())
        folders = max(counts, key=lambda each: (len(each) == known, counts[each]))
        # Without a majority or a known number of classes, no cell is more right than another.
        if len(folders) != known and 2 * counts[folders] <= len(found):
            return folders
        larger = [cell for cell, each in found.items() if set(each) > set(folders)]
        if larger:
            more = min(set(found[larger[0]]) - set(folders))
            names = ', '.join(dict.fromkeys(cell.corruption for cell in larger))
            print_log(
                f'{self.data_root}: {len(larger)} of {len(found)} cells ({names}) have class '
                f'folders that the others lack, such as {more}; these are left out{self.REPAIRED}',
                logger='current',
                level=logging.WARNING,
            )
            found.update(dict.fromkeys(larger, folders))
        return folders

    def _files(self, cell: Cell, classes: tuple[str, ...]) -> tuple[str, ...]:
        """List the path of each image below the cell's folder, class by class."""
        files = []
        for name in classes:
            path = self._folder(cell) / name
            images = image_files(path)
            # A set of ours has a folder of each class of its source, which may have no images.
            if not images and self.manifest is None:
                raise ValueError(f'{path} has no images ({cell}), so its class would be left out')
            files += [f'{name}/{image}' for image in images]
        if not files:
            raise ValueError(f'{self._folder(cell)} has no images ({cell})')
        return tuple(files)

    def _compare(
        self, cell: Cell, files: dict[Cell, tuple[str, ...]], names: tuple[str, ...]
    ) -> None:
        if files[cell] == names:
            return
        like = next(other for other in self.cells if files[other] == names)
        own, theirs = self._folder(cell), self._folder(like)
        lacks, more = set(names) - set(files[cell]), set(files[cell]) - set(names)
        if 2 * sum(each == names for each in files.values()) > len(files):
            what = f'lacks {min(lacks)}' if lacks else f'has {min(more)}'
            text = f'has {len(files[cell])} images and {what}, unlike the {len(names)} of {theirs}'
        else:
            # Without a majority, either cell may be the right one.
            only = f'{min(lacks)} is only in {theirs}' if lacks else f'{min(more)} is only in {own}'
            text = f'has {len(files[cell])} images, but {theirs} has {len(names)}; {only}'
        raise ValueError(f'{own} ({cell}) {text}: each corruption and severity needs the same')

    @property
    def _num_classes(self) -> int | None:
        known = self._metainfo.get('classes') or self.manifest_classes
        return self.NUM_CLASSES if known is None else len(known)

    def _name_classes(self, folders: tuple[str, ...]) -> None:
        if self._num_classes not in (None, len(folders)):
            raise ValueError(
                f'{self.data_root} has {len(folders)} class folders, but the set has '
                f'{self._num_classes} classes, so labels would be wrong{self.REPAIRED}'
            )
        known = self._metainfo.get('classes') or self.manifest_classes
        self._metainfo['classes'] = tuple(known or folders)


@DATASETS.register_module()
class ImageNetC(FolderCorruptionSet):
    """ImageNet-C (Hendrycks & Dietterich, 2019), https://doi.org/10.5281/zenodo.2235448.

    The images are JPEG files of 224 x 224 pixels and must not be resized. By
    default the set has the 15 corruptions of the benchmark, and the 4 extra ones
    if their folders exist.

    Args:
        **kwargs: Arguments of :class:`FolderCorruptionSet`.
    """

    NAME = 'imagenetc'
    METAINFO = dict(classes=IMAGENET_CATEGORIES)
    ARCHIVES = tuple(
        Archive(f'https://zenodo.org/records/2235448/files/{kind}.tar', md5, CATEGORIES[kind])
        for kind, md5 in dict(
            noise='e80562d7f6c3f8834afb1ecf27252745',
            blur='2d8e81fdd8e07fef67b9334fa635e45c',
            weather='33ffea4db4d93fe4a428c40a6ce0c25d',
            digital='89157860d7b10d5797849337ca2e5c03',
            extra='d492dfba5fc162d8ec2c3cd8ee672984',
        ).items()
    )


@DATASETS.register_module()
class TinyImageNetC(FolderCorruptionSet):
    """Tiny-ImageNet-C (Hendrycks & Dietterich, 2019): 200 classes, 64 x 64 pixels.

    A download fetches the repaired copy, https://doi.org/10.5281/zenodo.8206060; in the
    first record ``frost`` has 1,000 classes.

    Args:
        **kwargs: Arguments of :class:`FolderCorruptionSet`.

    Raises:
        ValueError: If there are not 200 class folders.
    """

    NAME = 'tinyimagenetc'
    NUM_CLASSES = 200
    ARCHIVES = (
        Archive(
            'https://zenodo.org/records/8206060/files/Tiny-ImageNet-C.tar',
            'f9c9a9dbdc11469f0b850190f7ad8be1',
            BENCHMARK,
        ),
        Archive(
            'https://zenodo.org/records/8206060/files/Tiny-ImageNet-C-extra.tar',
            '0db0588d243cf403ef93449ec52b70eb',
            EXTRA,
        ),
    )
    REPAIRED = (
        '; frost of https://zenodo.org/records/2536630 has 1,000 classes; the repaired set is '
        'https://zenodo.org/records/8206060'
    )


@DATASETS.register_module()
class ImageNetCBar(FolderCorruptionSet):
    """ImageNet-C-Bar (Mintun et al., 2021): ten corruptions unlike those of ImageNet-C.

    The code in facebookresearch/augmentation-corruption names the folders after
    strengths, which are read as severities 1 to 5 in order. Folders may also be
    named 1 to 5, as in the authors' archive and as
    ``mmct corrupt --corruptions imagenetcbar`` writes them.

    Args:
        **kwargs: Arguments of :class:`FolderCorruptionSet`.
    """

    NAME = 'imagenetcbar'
    METAINFO = dict(classes=IMAGENET_CATEGORIES)
    LEVELS = {
        name: tuple(f'{strength:.2f}' for strength in strengths)
        for name, strengths in IMAGENET_C_BAR.items()
    }
    CATEGORIES = dict(c_bar=tuple(LEVELS))


@DATASETS.register_module()
class ImageNet3DCC(FolderCorruptionSet):
    """ImageNet-3DCC (Kar et al., 2022): twelve corruptions that follow the scene's geometry.

    See https://arxiv.org/abs/2203.01441. The folders are those of the authors'
    archives.

    Args:
        **kwargs: Arguments of :class:`FolderCorruptionSet`.
    """

    NAME = 'imagenet3dcc'
    METAINFO = dict(classes=IMAGENET_CATEGORIES)
    CATEGORIES = dict(
        depth_of_field=('near_focus', 'far_focus'),
        camera_motion=('xy_motion_blur', 'z_motion_blur'),
        lighting=('flash',),
        video=('h265_crf', 'h265_abr', 'bit_error'),
        weather=('fog_3d',),
        noise=('iso_noise', 'color_quant', 'low_light'),
    )
