"""Data sets of mmpretrain that take each folder for a class, those of a system, too."""

from collections.abc import Iterator
from typing import Any

from mmct.folders import is_system

from .errors import CTError


def leaves(dataset: Any) -> Iterator[Any]:
    """Find the data sets inside wrappers such as ``ConcatDataset``.

    Args:
        dataset: A data set or a wrapper.

    Yields:
        Any: Those that wrap none.
    """
    inner = getattr(dataset, 'datasets', None) or [getattr(dataset, 'dataset', None)]
    if inner == [None]:
        yield dataset
        return
    for one in inner:
        yield from leaves(one)


def check_class_folders(dataset: Any) -> None:
    """Refuse a data set with a class that is a hidden or system folder: it shifts all labels.

    Args:
        dataset: A data set or a wrapper; of mmpretrain's, ``CustomDataset`` and what derives from
            it number the folders that they find.

    Raises:
        CTError: Names the folder.
    """
    for leaf in leaves(dataset):
        strange = [name for name in getattr(leaf, 'folder_to_idx', None) or () if is_system(name)]
        if strange:
            raise CTError(
                f'{leaf.img_prefix} has {strange[0]}, a hidden or system folder, which '
                f'{type(leaf).__name__} takes for a class: remove it'
            )
