"""Check the class folders of data sets, as mmpretrain reads even system folders."""

import os
from collections.abc import Iterator
from typing import Any

from mmct.folders import image_files, is_system

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
        for name in folders:
            for here, inner, _ in os.walk(os.path.join(leaf.img_prefix, name)):
                hidden = [os.path.join(here, each) for each in inner if is_system(each)]
                if read := [folder for folder in hidden if image_files(folder)]:
                    raise CTError(
                        f'{read[0]} is a hidden or system folder, whose images '
                        f'{type(leaf).__name__} reads: remove it'
                    )
