"""Describe the images of a result, and tell if two results are of the same."""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

# What has to be equal. Results of earlier versions do not say all of it.
_ALWAYS = (
    'set', 'source', 'images', 'subset', 'labels_sha256', 'seed', 'table', 'revision', 'own'
)  # fmt: skip
_IF_KNOWN = ('pixels_sha256',)


def describe(
    name: str,
    labels: np.ndarray,
    classes: Sequence[str] | None,
    categories: Mapping[str, Sequence[str]],
) -> dict[str, Any]:
    """Describe a corruption set for result files.

    Args:
        name (str): Of the set.
        labels (np.ndarray): The classes of the images. int64 (N,)
        classes (Sequence[str], optional): Their names.
        categories (Mapping[str, Sequence[str]]): Its kinds of corruption.

    Returns:
        dict: JSON-able.
    """
    return dict(
        set=name,
        source='released',
        images=len(labels),
        num_classes=len(classes) if classes else int(labels.max()) + 1,
        labels_sha256=hashlib.sha256(labels.astype('<i8').tobytes()).hexdigest(),
        categories={kind: list(names) for kind, names in categories.items()},
    )


def check_same_images(
    name: str, data: Mapping[str, Any], other_name: str, other: Mapping[str, Any]
) -> None:
    """Refuse two that were not scored on the same images.

    Args:
        name (str): Of the one, for the message.
        data (Mapping): What its result says of the data.
        other_name (str): Of the other one.
        other (Mapping): What its result says.

    Raises:
        ValueError: Says what differs.
    """
    key = first_difference(data, other, (*_ALWAYS, *_IF_KNOWN))
    if key is not None:
        raise ValueError(
            f'{name} and {other_name} are not scored on the same images: {key} is '
            f'{data.get(key)} and {other.get(key)}'
        )


def first_difference(
    data: Mapping[str, Any], other: Mapping[str, Any], keys: Sequence[str] | None = None
) -> str | None:
    """Find what differs between two descriptions of images.

    Args:
        data (Mapping): What a result says of the data.
        other (Mapping): What another one says.
        keys (Sequence[str], optional): What counts. Defaults to all.

    Returns:
        str | None: The first key that differs; what one of an earlier version does not say is
        not known to differ.
    """
    for key in dict.fromkeys((*data, *other)) if keys is None else keys:
        one, two = data.get(key), other.get(key)
        if one != two and not (key in _IF_KNOWN and None in (one, two)):
            return key
    return None
