"""Check the class folders of data sets, as mmpretrain reads even system folders."""

import os
from collections.abc import Iterator
from typing import Any

from mmct.folders import IMAGE_ENDINGS, image_files, is_system

from .errors import CTError

# Folders of classes without system folders in them, with the endings of the files that count.
_SOUND: set[tuple[str, tuple[str, ...]]] = set()


def leaves(dataset: Any) -> Iterator[Any]:
    """Find the data sets inside wrappers such as ``ConcatDataset``.

    Args:
        dataset (Any): A data set or a wrapper.

    Yields:
        Any: The data sets that wrap no others.
    """
    inner = getattr(dataset, 'datasets', None) or [getattr(dataset, 'dataset', None)]
    if inner == [None]:
        yield dataset
        return
    for one in inner:
        yield from leaves(one)


def check_class_folders(dataset: Any) -> None:
    """Refuse a data set that reads images of a hidden or system folder.

    One beside the classes is taken for a class, which shifts all labels; one inside a class is
    read as a part of it.

    Args:
        dataset (Any): A data set or a wrapper. mmpretrain's ``CustomDataset`` and its subclasses
            number all folders that they find.

    Raises:
        CTError: If there is such a folder; the message names it.
    """
    for leaf in leaves(dataset):
        folders = getattr(leaf, 'folder_to_idx', None) or ()
        strange = [name for name in folders if is_system(name)]
        if strange:
            raise CTError(
                f'{leaf.img_prefix} has {strange[0]}, a hidden or system folder, which '
                f'{type(leaf).__name__} takes for a class: remove it'
            )
        endings = tuple(getattr(leaf, 'extensions', IMAGE_ENDINGS))
        for name in folders:
            _check_inside(os.path.join(leaf.img_prefix, name), endings, type(leaf).__name__)


def _check_inside(folder: str, endings: tuple[str, ...], reader: str) -> None:
    # Loaders of a run may read the same folders.
    if (folder, endings) in _SOUND:
        return
    for here, inner, _ in os.walk(folder, followlinks=False):
        for name in filter(is_system, inner):
            hidden = os.path.join(here, name)
            if any(file.lower().endswith(endings) for file in image_files(hidden)):
                raise CTError(
                    f'{hidden} is a hidden or system folder, whose images {reader} reads: remove it'
                )
    _SOUND.add((folder, endings))
