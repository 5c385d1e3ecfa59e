"""Give images to score in cells: uncorrupted, corrupted while they are read, and selections."""

import re
from collections.abc import Mapping, Sequence
from itertools import product
from numbers import Integral
from typing import Any, Protocol

import numpy as np
from PIL import Image
from torch import Tensor

from mmct.corruptions import (
    CLEAN,
    CORRUPTIONS,
    SEVERITIES,
    Cell,
    categories_with,
    check_seed,
    check_severities,
    choose_corruptions,
    choose_table,
    corrupt,
    origin,
    own_among,
)
from mmct.corruptions.channels import reordered
from mmct.evaluation.same_images import describe
from mmct.image_content import to_rgb
from mmct.messages import is_count
from mmct.runs.errors import CTError

# Maximum bytes of images kept in memory, as each corruption reads them again.
_KEPT = 1 << 28
WORDNET = re.compile(r'n\d{8}')
"""The ids by which ImageNet's folders name its classes."""


class CellSource(Protocol):
    """A source of images to score: cells with the same images in the same order.

    Data sets of mmct are sources too, without being subclasses.
    """

    cells: Sequence[Cell]
    labels: np.ndarray
    channel_order: str
    metainfo: Mapping[str, Any]

    @property
    def num_images(self) -> int:
        """Return the number of images in each cell."""
        return len(self.labels)

    def read(self, cell: int, positions: slice) -> np.ndarray:
        """Read a batch of a cell, uint8 (B, H, W, 3), channels in ``channel_order``."""

    def close(self) -> None:
        """Release open files, so that memory does not grow with the cells."""


class Images(CellSource):
    """A single cell of uncorrupted images.

    Args:
        images (Sequence): The images; item N is a uint8 RGB array (H, W, 3), a Pillow image, or
            a tensor (3, H, W).
        labels (np.ndarray): Labels of the images. int64 (N,)
        classes (Sequence[str], optional): Names of the classes. Defaults to None.
    """

    cells = (CLEAN,)
    channel_order = 'rgb'

    def __init__(
        self, images: Sequence[Any], labels: np.ndarray, classes: Sequence[str] | None = None
    ) -> None:
        self._images, self.labels = images, labels
        self.metainfo = {} if classes is None else dict(classes=tuple(map(spelt, classes)))
        self._kept: dict[int, np.ndarray] = {}
        self._room = _KEPT
        self._shape: tuple[int, ...] | None = None

    def read(self, cell: int, positions: slice) -> np.ndarray:
        """Read a batch.

        Args:
            cell (int): 0, the only cell.
            positions (slice): Positions of the images.

        Returns:
            np.ndarray: The images, uint8 RGB. (B, H, W, 3)

        Raises:
            ValueError: If an image has another dtype or shape, or images differ in size.
        """
        if isinstance(self._images, np.ndarray):
            return np.array(self._images[positions])
        images = [self._image(number) for number in range(self.num_images)[positions]]
        return np.stack(images)

    def _image(self, number: int) -> np.ndarray:
        found = self._kept.get(number)
        if found is None:
            found = as_pixels(self._images[number])
            # However many are read at once, the first of all decides.
            self._shape = self._shape or found.shape
            if found.shape != self._shape:
                raise ValueError(
                    f'the images differ in size, such as {self._shape[:2]} and {found.shape[:2]}: '
                    'resize or crop them, or those of a folder with --size PIXELS (size=)'
                )
            if found.nbytes <= self._room:
                self._kept[number] = found
                self._room -= found.nbytes
        return found

    def __getstate__(self) -> dict[str, Any]:
        """Pickle without the images in memory, as worker processes read their own."""
        return {**self.__dict__, '_kept': {}, '_room': _KEPT}


class CorruptedImages(CellSource):
    """Corruptions of images, made while they are read.

    The randomness depends only on seed, position of the image, corruption and severity.

    Args:
        clean (CellSource): A single cell of images.
        corruptions (Sequence[str], optional): Names of corruptions or categories. Defaults to
            None: all 19.
        severities (Sequence[int], optional): Severities from 1 to 5. Defaults to None: all.
        seed (int): The seed, 0 or more. Defaults to 0.
        table (str, optional): The severity table, one of :data:`mmct.corruptions.names.TABLES`.
            Defaults to None: the image size decides.

    Raises:
        ValueError: If a setting is wrong, or the table does not support the size of the images.
    """

    def __init__(
        self,
        clean: CellSource,
        corruptions: Sequence[str] | None = None,
        severities: Sequence[int] | None = None,
        seed: int = 0,
        table: str | None = None,
    ) -> None:
        names = CORRUPTIONS if corruptions is None else choose_corruptions(corruptions)
        levels = check_severities(SEVERITIES if severities is None else severities, names)
        self._own = own_among(names)  # pickled with this object, for worker processes
        self.clean, self.seed = clean, check_seed(seed)
        self.cells = tuple(Cell(*cell) for cell in product(names, levels))
        self.table = choose_table(table, *clean.read(0, slice(0, 1)).shape[1:3])
        self.labels, self.channel_order = clean.labels, clean.channel_order
        data = origin(self.seed, self.table, names)
        kinds = categories_with(names)
        described = describe('generated', clean.labels, clean.metainfo.get('classes'), kinds)
        self.metainfo = {**clean.metainfo, 'corruptions': described | data}

    def read(self, cell: int, positions: slice) -> np.ndarray:
        """Read a batch of a cell.

        Args:
            cell (int): Number of the cell.
            positions (slice): Positions of the images.

        Returns:
            np.ndarray: The corrupted images, uint8, channels in ``channel_order``. (B, H, W, 3)
        """
        images = self.clean.read(0, positions)
        indices = np.arange(self.num_images)[positions]
        where = dict(seed=self.seed, indices=indices, table=self.table)
        made = corrupt(reordered(images, self.channel_order), *self.cells[cell], **where)
        return np.ascontiguousarray(reordered(made, self.channel_order))


class Selection(CellSource):
    """A selection of the images of a source.

    Args:
        source (CellSource): The source.
        positions (np.ndarray): Positions of the selected images, in any order. int64 (M,)
        subset (str): A description of the selection, for tables and result files.
        labels (np.ndarray, optional): Labels of the selected images if their numbering
            changes. Defaults to None: the labels of the source. (M,)
        classes (Sequence[str], optional): Names of the classes if their numbering changes.
            Defaults to None.
        by_position (bool): See :func:`in_order_of`. Defaults to False.
        chosen (tuple[list[int], int], optional): Numbers that the selected classes have in the
            source, and how many classes it has. Defaults to None: all.
    """

    def __init__(
        self,
        source: CellSource,
        positions: np.ndarray,
        subset: str,
        labels: np.ndarray | None = None,
        classes: Sequence[str] | None = None,
        by_position: bool = False,
        chosen: tuple[list[int], int] | None = None,
    ) -> None:
        self.source, self._positions = source, positions
        self.cells, self.channel_order = source.cells, source.channel_order
        self.labels = source.labels[positions] if labels is None else labels
        clean = getattr(source, 'clean', None)
        # The same selection of clean images, which identify the data even if not scored.
        self.clean = clean and Selection(
            in_order_of(source, clean, by_position), positions, subset, labels, classes
        )
        self.metainfo = dict(source.metainfo)
        if classes is not None:
            self.metainfo['classes'] = tuple(classes)
        if chosen is not None:
            self.metainfo['chosen'] = chosen
        data = source.metainfo.get('corruptions')
        if data is not None:
            own = describe(data['set'], self.labels, classes, data['categories'])
            kept = dict(source=data['source'])
            if classes is None:
                kept['num_classes'] = data['num_classes']
            self.metainfo['corruptions'] = {**data, **own, **kept, 'subset': subset}

    def read(self, cell: int, positions: slice) -> np.ndarray:
        """Read a batch of a cell from the source."""
        chosen = self._positions[positions]
        breaks = np.flatnonzero(np.diff(chosen) != 1) + 1
        runs = np.split(chosen, breaks)
        read = [self.source.read(cell, slice(run[0], run[-1] + 1)) for run in runs if len(run)]
        return np.concatenate(read)

    def close(self) -> None:
        """Close the source."""
        self.source.close()


def in_order_of(
    corrupted: CellSource, clean: CellSource, by_position: bool = False
) -> CellSource:
    """Put clean images into the order of a set, and number their classes as the set does.

    Folders list images class by class, and classes by the alphabet. Where both sides name their
    classes, those of the same name are the same class.

    Args:
        corrupted (CellSource): The set.
        clean (CellSource): The clean images from which it was made.
        by_position (bool): Whether class N is class N of the set if the names are not the same.
            Defaults to False.

    Returns:
        CellSource: The clean images in the order, and with the classes, of the set.

    Raises:
        CTError: If the images of the two are not of the same classes.
    """
    names, own = (each.metainfo.get('classes') for each in (corrupted, clean))
    renamed = bool(names and own) and list(map(spelt, names)) != list(map(spelt, own))
    numbers = clean.labels
    if renamed:
        numbers = _renumbered(list(map(spelt, names)), list(map(spelt, own)), numbers, by_position)
    if not renamed and np.array_equal(numbers, corrupted.labels):
        return clean
    if not np.array_equal(np.sort(numbers), np.sort(corrupted.labels)):
        raise CTError(
            f'by their classes, the {clean.num_images} clean images are not those from which the '
            f'set, with {corrupted.num_images} per corruption and severity, was made: give those, '
            'or leave clean images out with --no-clean (clean=False)'
        )
    # Within a class, both have the same order.
    positions = np.empty(clean.num_images, np.int64)
    there, here = (np.argsort(each, kind='stable') for each in (corrupted.labels, numbers))
    positions[there] = here
    return Selection(clean, positions, 'all', numbers[positions], names if renamed else None)


def _renumbered(
    names: list[str], own: list[str], labels: np.ndarray, by_position: bool
) -> np.ndarray:
    """Find the number that a set gives to the class of each clean image."""
    if len(names) == len(own) == 1000 and _are_wordnet(names) != _are_wordnet(own):
        # Folders of ImageNet, whose ids are in the order of its classes.
        return labels
    exact, alike = ({form(name): n for n, name in enumerate(names)} for form in (str, plain))
    twice = {name for name in names if names.count(name) > 1}
    found: dict[int, int] = {}
    for number in np.unique(labels).tolist():
        name = own[number] if number < len(own) else f'number {number}'
        place = exact.get(name, alike.get(plain(name)))
        if place is not None and place not in found.values() and name not in twice:
            found[number] = place
        elif by_position:
            return labels
        else:
            what = 'does not have' if place is None else 'has for another, too,'
            raise CTError(
                f'class {name!r} of the clean images is one that the set {what} (its classes are '
                f'{", ".join(names[:10])}{" ..." if len(names) > 10 else ""}): give both the same '
                'names, or, if class N of one is class N of the other, --classes-by-position '
                '(classes_by_position=True)'
            )
    return np.array([found[number] for number in labels.tolist()], np.int64)


def _are_wordnet(names: Sequence[str]) -> bool:
    return all(map(WORDNET.fullmatch, names)) and list(names) == sorted(names)


class _Flipped(CellSource):
    """A source with its colour channels in the other order."""

    def __init__(self, source: CellSource) -> None:
        self.source = source
        self.cells, self.labels, self.metainfo = source.cells, source.labels, source.metainfo
        self.channel_order = source.channel_order[::-1]
        clean = getattr(source, 'clean', None)
        self.clean = clean and _Flipped(clean)

    def read(self, cell: int, positions: slice) -> np.ndarray:
        """Read a batch of a cell from the source."""
        return np.ascontiguousarray(self.source.read(cell, positions)[..., ::-1])

    def close(self) -> None:
        """Close the source."""
        self.source.close()


def in_order(source: CellSource, channel_order: str | None) -> CellSource:
    """Give the images of a source with their colour channels in the order that a network reads.

    Args:
        source (CellSource): The source of the images.
        channel_order (str, optional): 'rgb', 'bgr', or None for that of the source.

    Returns:
        CellSource: The same source if its order is that.
    """
    return source if channel_order in (None, source.channel_order) else _Flipped(source)


def select(
    source: CellSource, subset: int | Sequence[str], by_position: bool = False
) -> Selection:
    """Select a part of the images, the same in each call.

    Args:
        source (CellSource): The source of the images.
        subset (int | Sequence[str]): A number of images, which are evenly spaced, so that sets
            sorted by class give each class its share; or names of classes.
        by_position (bool): See :func:`in_order_of`. Defaults to False.

    Returns:
        Selection: The selection, which results describe as such.

    Raises:
        CTError: If there are fewer images, or a class is unknown.
    """
    total = source.num_images
    if isinstance(subset, Integral):
        if not (is_count(subset) and subset <= total):
            raise CTError(f'subset must be from 1 to {total}, the number of images, got {subset}')
        positions = np.arange(int(subset)) * total // int(subset)
        return Selection(
            source, positions, f'{subset} of {total} images', by_position=by_position
        )
    subset = [subset] if isinstance(subset, str) else subset
    names = list(source.metainfo.get('classes') or ())
    unknown = [word for word in subset if word not in names]
    if unknown or not subset:
        what = f'there is no class {unknown[0]!r}' if unknown else 'no class is given'
        raise CTError(f'{what}: the set has {", ".join(map(str, names[:10])) or "no names"} ...')
    chosen = [number for number, word in enumerate(names) if word in set(subset)]
    positions = np.flatnonzero(np.isin(source.labels, chosen))
    if not len(positions):
        raise CTError(f'subset: there are no images of {", ".join(map(str, subset))}')
    labels = np.searchsorted(chosen, source.labels[positions])
    return Selection(
        source,
        positions,
        f'{len(chosen)} of {len(names)} classes',
        labels.astype(np.int64),
        [names[number] for number in chosen],
        by_position,
        (chosen, len(names)),
    )


def spelt(name: Any) -> str:
    """Return the text of the name of a class, of which torchvision's ImageNet has tuples."""
    return ', '.join(name) if isinstance(name, tuple) else str(name)


def plain(name: str) -> str:
    """Return the name of a class in lower case, with a space for each hyphen and underscore."""
    return re.sub(r'[\s_-]+', ' ', name).strip().lower()


def as_pixels(image: Any) -> np.ndarray:
    """Convert an image with 8 bits per channel to an RGB array.

    Args:
        image (Any): An array (H, W, 3) or (H, W), a tensor (3, H, W) or (H, W), or a Pillow
            image.

    Returns:
        np.ndarray: The image, uint8 RGB, with three equal channels if it is grey. (H, W, 3)

    Raises:
        ValueError: If the image has another dtype or shape, see also :func:`to_rgb`.
    """
    if isinstance(image, Image.Image):
        return np.asarray(to_rgb(image))
    if isinstance(image, Tensor):
        image = image.permute(1, 2, 0) if image.ndim == 3 else image
        pixels = image.cpu().numpy()
    else:
        pixels = np.asarray(image)
    if pixels.ndim == 2:
        pixels = pixels[..., None]
    if pixels.dtype != np.uint8 or pixels.ndim != 3 or pixels.shape[2] not in (1, 3):
        raise ValueError(
            f'an image is {pixels.dtype} {pixels.shape}, but uint8 (H, W, 3) is needed: remove '
            'transforms that scale or normalise pixels, and give mean and std of the network'
        )
    return np.repeat(pixels, 3, 2) if pixels.shape[2] == 1 else pixels
