"""Read corruption sets in the layout of CIFAR-10-C."""

import logging
from pathlib import Path
from typing import Any

import numpy as np
from mmengine.logging import print_log
from mmpretrain.datasets.categories import CIFAR10_CATEGORIES, CIFAR100_CATEGORIES
from mmpretrain.registry import DATASETS
from torchvision.datasets.utils import check_integrity

from mmct.corruptions import C_BAR_SETS, CORRUPTIONS, Cell
from mmct.folders import is_system

from .corruption_set import StoredCorruptionSet
from .released import Archive


@DATASETS.register_module()
class ArrayCorruptionSet(StoredCorruptionSet):
    """A corruption set of arrays: ``<corruption>.npy`` with all severities, and ``labels.npy``.

    A file holds the images of all S severities in turn, each with the same N
    images in the same order, as uint8 RGB (S x N, H, W, 3); the labels are
    (S x N,). N may be smaller than in the released sets. Grey images,
    (S x N, H, W) or (S x N, H, W, 1), are read as three equal channels, and a
    message says so.

    Files are mapped into memory, one at a time, and never unpickled. Opening
    the set checks all of them without reading the pixels.

    Args:
        data_root (str): The folder.
        **kwargs: Arguments of :class:`StoredCorruptionSet`.

    Raises:
        FileNotFoundError: If a file is missing; the message names it.
        ValueError: If a file is damaged or does not match the others; the
            message names the file and, if possible, corruption and severity.
    """

    NAME = 'arrays'

    IMAGE_SIZE: tuple[int, int] | None = None
    """Required height and width of the images."""

    # The mapped file: its name and its pixels.
    _mapped: tuple[str, np.ndarray] | None = None

    @classmethod
    def stored_names(cls, root: Path) -> set[str]:
        """List the arrays of any name in a folder."""
        if cls is not ArrayCorruptionSet:
            return set()
        names = {file.stem for file in root.glob('*.npy') if not is_system(file.name)}
        return names - {'labels'}

    def has(self, corruption: str) -> bool:
        """Check whether the files of a corruption and of the labels exist."""
        return all(self._file(name).is_file() for name in (corruption, 'labels'))

    def open_cells(self) -> None:
        """Check all files of the chosen corruptions."""
        if self.manifest_classes:
            self._metainfo.setdefault('classes', tuple(self.manifest_classes))
        self.labels = self._read_labels()
        names = list(dict.fromkeys(cell.corruption for cell in self.cells))
        sizes = {name: self._checked_size(name) for name in names}
        grey = [name for name in names if _mapped(self._file(name)).shape[3:] != (3,)]
        if grey:
            print_log(
                f'{self._file(grey[0])} holds grey images: they are read as three equal channels',
                logger='current',
                level=logging.WARNING,
            )
        other = [name for name in names if sizes[name] != sizes[names[0]]]
        if other:
            raise ValueError(
                f'{self._file(other[0])} has images of {sizes[other[0]]} px, but '
                f'{self._file(names[0])} has images of {sizes[names[0]]} px'
            )

    def pixels(self, cell: Cell, positions: range) -> np.ndarray:
        """Read images of a cell."""
        if self._mapped is None or self._mapped[0] != cell.corruption:
            self.close()
            self._mapped = cell.corruption, _mapped(self._file(cell.corruption))
        first = self.stored_severities.index(cell.severity) * self.num_images
        return _three_channels(
            self._mapped[1][first + positions.start:first + positions.stop:positions.step]
        )

    def close(self) -> None:
        """Unmap the file, whose pages count as memory of this process."""
        self._mapped = None

    def _file(self, name: str) -> Path:
        return Path(self.data_root) / f'{name}.npy'

    def _read_labels(self) -> np.ndarray:
        """Read and check the labels of one severity."""
        file = self._file('labels')
        labels = np.array(_mapped(file))
        blocks = len(self.stored_severities)
        if labels.ndim != 1 or labels.dtype.kind not in 'iu' or not len(labels):
            raise ValueError(
                f'{file} must hold integers of shape (N,), but has {labels.dtype} of {labels.shape}'
            )
        if len(labels) % blocks:
            raise ValueError(
                f'{file} has {len(labels)} labels, which is not {blocks} blocks (one per '
                'severity) of the same length'
            )
        labels = labels.astype(np.int64).reshape(blocks, -1)
        other = np.flatnonzero((labels != labels[0]).any(1))
        if len(other):
            raise ValueError(
                f'{file} has different labels for different severities: the block of severity '
                f'{self.stored_severities[other[0]]} differs from the first'
            )
        classes = self._metainfo.get('classes')
        low, high = int(labels.min()), int(labels.max())
        if low < 0 or (classes is not None and high >= len(classes)):
            allowed = '0 or more' if classes is None else f'0 to {len(classes) - 1}'
            raise ValueError(
                f'{file} has labels from {low} to {high}, but they must be {allowed}: does it '
                'belong to another set?'
            )
        return labels[0].copy()

    def _checked_size(self, name: str) -> tuple[int, int]:
        file = self._file(name)
        images = _mapped(file)
        grey = images.ndim == 3 or images.shape[3:] == (1,)
        if images.dtype != np.uint8 or not (grey or images.shape[3:] == (3,)):
            raise ValueError(
                f'{file} must hold uint8 images, RGB (N, H, W, 3) or grey (N, H, W), '
                f'but has {images.dtype} of {images.shape}'
            )
        if not images.flags.c_contiguous:
            raise ValueError(
                f'{file} is stored in Fortran order: save it again with '
                'numpy.ascontiguousarray'
            )
        count, size = len(images), images.shape[1:3]
        if count != len(self.stored_severities) * self.num_images:
            whole = min(count // self.num_images, len(self.stored_severities) - 1)
            raise ValueError(
                f'{file} has {count} images, but there are labels for '
                f'{len(self.stored_severities)} x {self.num_images}: check {name} at severity '
                f'{self.stored_severities[whole]}'
            )
        if self.IMAGE_SIZE not in (None, size):
            raise ValueError(f'{file} has images of {size} px instead of {self.IMAGE_SIZE}')
        return size


def _three_channels(images: np.ndarray) -> np.ndarray:
    """View grey images, (N, H, W) or (N, H, W, 1), as RGB (N, H, W, 3)."""
    images = images if images.ndim == 4 else images[..., None]
    return np.broadcast_to(images, (*images.shape[:3], 3))


def _mapped(file: Path) -> np.ndarray:
    """Map an .npy file into memory, without unpickling anything."""
    if not file.is_file():
        raise FileNotFoundError(f'there is no {file}')
    try:
        return np.lib.format.open_memmap(file, mode='r')
    except Exception as error:
        # A damaged header can raise anything: NumPy parses it as a Python literal.
        reason = ' '.join(str(error).split()) or type(error).__name__
        raise ValueError(f'{file} is damaged or not an .npy file of numbers: {reason}') from error


@DATASETS.register_module()
class CIFAR10C(ArrayCorruptionSet):
    """CIFAR-10-C (Hendrycks & Dietterich, 2019), https://doi.org/10.5281/zenodo.2535967.

    By default it has the 15 corruptions of the benchmark, and the 4 extra ones
    if their files exist. The files may hold a subset of the images.

    Args:
        check_md5 (bool): Whether to check that the files are the released ones,
            which takes seconds. Defaults to False.
        **kwargs: Arguments of :class:`ArrayCorruptionSet`.

    Raises:
        ValueError: If a checked file is not the released one.
    """

    NAME = 'cifar10c'
    METAINFO = dict(classes=CIFAR10_CATEGORIES)
    IMAGE_SIZE = (32, 32)
    ARCHIVES = (
        Archive(
            'https://zenodo.org/records/2535967/files/CIFAR-10-C.tar',
            '56bf5dcef84df0e2308c6dcbcbbd8499',
            CORRUPTIONS,
        ),
    )

    # Of the files in the archive; three public libraries have the same values.
    MD5 = dict(
        gaussian_noise='ecaf8b9a2399ffeda7680934c33405fd',
        shot_noise='3a7239bb118894f013d9bf1984be7f11',
        impulse_noise='2090e01c83519ec51427e65116af6b1a',
        defocus_blur='7d1322666342a0702b1957e92f6254bc',
        glass_blur='7361fb4019269e02dbf6925f083e8629',
        motion_blur='fffa5f852ff7ad299cfe8a7643f090f4',
        zoom_blur='6ea8e63f1c5cdee1517533840641641b',
        snow='bb238de8555123da9c282dea23bd6e55',
        frost='31f6ab3bce1d9934abfb0cc13656f141',
        fog='7b397314b5670f825465fbcd1f6e9ccd',
        brightness='0a81ef75e0b523c3383219c330a85d48',
        contrast='3c8262171c51307f916c30a3308235a8',
        elastic_transform='9421657c6cd452429cf6ce96cc412b5f',
        pixelate='0f14f7e2db14288304e1de10df16832f',
        jpeg_compression='2b9cc4c864e0193bb64db8d7728f8187',
        speckle_noise='ef00b87611792b00df09c0b0237a1e30',
        gaussian_blur='c33370155bc9b055fb4a89113d3c559d',
        spatter='8a5a3903a7f8f65b59501a6093b4311e',
        saturate='1cfae0964219c5102abbb883e538cc56',
        labels='c439b113295ed5254878798ffe28fd54',
    )

    def __init__(self, check_md5: bool = False, **kwargs) -> None:
        self.check_md5 = check_md5
        super().__init__(**kwargs)

    def open(self) -> None:
        """Check the files, and with ``check_md5`` all of their bytes."""
        super().open()
        names = ('labels', *dict.fromkeys(cell.corruption for cell in self.cells))
        for name in names if self.check_md5 else ():
            file = self._file(name)
            if name not in self.MD5:
                raise ValueError(
                    f'{type(self).__name__}: the MD5 of a released {file.name} is unknown'
                )
            if not check_integrity(file, self.MD5[name]):
                raise ValueError(
                    f'{file} is not the released file: its MD5 is not {self.MD5[name]}; download '
                    'it again, or leave out check_md5'
                )

    def describe(self) -> dict[str, Any]:
        """Describe the data for result files."""
        return {**super().describe(), 'md5_checked': self.check_md5}


@DATASETS.register_module()
class CIFAR100C(CIFAR10C):
    """CIFAR-100-C (Hendrycks & Dietterich, 2019), https://doi.org/10.5281/zenodo.3555552.

    Args:
        **kwargs: Arguments of :class:`CIFAR10C`.
    """

    NAME = 'cifar100c'
    METAINFO = dict(classes=CIFAR100_CATEGORIES)
    ARCHIVES = (
        Archive(
            'https://zenodo.org/records/3555552/files/CIFAR-100-C.tar',
            '11f0ed0f1191edbf9fa23466ae6021d3',
            CORRUPTIONS,
        ),
    )

    MD5 = dict(
        gaussian_noise='ecc4d366eac432bdf25c024086f5e97d',
        shot_noise='b0a1fa6e1e465a747c1b204b1914048a',
        impulse_noise='3b3c210ddfa0b5cb918ff4537a429fef',
        defocus_blur='d923e3d9c585a27f0956e2f2ad832564',
        glass_blur='0bf384f38e5ccbf8dd479d9059b913e1',
        motion_blur='732a7e2e54152ff97c742d4c388c5516',
        zoom_blur='0204613400c034a81c4830d5df81cb82',
        snow='0237be164583af146b7b144e73b43465',
        frost='3a39c6823bdfaa0bf8b12fe7004b8117',
        fog='4efc7ebd5e82b028bdbe13048e3ea564',
        brightness='f22d7195aecd6abb541e27fca230c171',
        contrast='322bb385f1d05154ee197ca16535f71e',
        elastic_transform='a0792bd6581f6810878be71acedfc65a',
        pixelate='96c00c60f144539e14cffb02ddbd0640',
        jpeg_compression='c851b7f1324e1d2ffddeb76920576d11',
        speckle_noise='e3f215b1a0f9fd9fd6f0d1cf94a7ce99',
        gaussian_blur='5204ba0d557839772ef5a4196a052c3e',
        spatter='12ccf41d62564d36e1f6a6ada5022728',
        saturate='c0697e9fdd646916a61e9c312c77bf6b',
        labels='bb4026e9ce52996b95f439544568cdb2',
    )


@DATASETS.register_module()
class CIFAR10CBar(ArrayCorruptionSet):
    """CIFAR-10-C-Bar (Mintun et al., 2021): ten corruptions unlike those of CIFAR-10-C.

    There is no released archive. The layout is that of the code in
    facebookresearch/augmentation-corruption, with severities 1 to 5 in the order
    of its table; ``mmct corrupt --corruptions cifar10cbar`` writes it as well.

    Args:
        **kwargs: Arguments of :class:`ArrayCorruptionSet`.
    """

    NAME = 'cifar10cbar'
    METAINFO = dict(classes=CIFAR10_CATEGORIES)
    IMAGE_SIZE = (32, 32)
    CATEGORIES = dict(c_bar=C_BAR_SETS[NAME])
