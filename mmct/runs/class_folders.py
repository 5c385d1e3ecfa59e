"""Check the class folders of data sets, as mmpretrain takes even system folders for classes."""

from collections.abc import Iterator
from typing import Any

from mmct.folders import is_system

from .errors import CTError


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
    """Refuse a data set that takes a hidden or system folder for a class, which shifts all labels.

    Args:
        dataset (Any): A data set or a wrapper. mmpretrain's ``CustomDataset`` and its subclasses
            number all folders that they find.

    Raises:
        CTError: If there is such a class; the message names the folder.
    """
    for leaf in leaves(dataset):
        strange = [name for name in getattr(leaf, 'folder_to_idx', None) or () if is_system(name)]
        if strange:
            raise CTError(
                f'{leaf.img_prefix} has {strange[0]}, a hidden or system folder, which '
                f'{type(leaf).__name__} takes for a class: remove it'
            )
