"""Describe the images of a result, and check that two results have the same images."""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

# Keys that must be equal; results of earlier versions may lack those in _IF_KNOWN.
_ALWAYS = (
    'set', 'source', 'images', 'subset', 'labels_sha256', 'seed', 'table', 'revision', 'own'
)  # fmt: skip
_IF_KNOWN = ('pixels_sha256',)
# The category of corruptions that are known by name alone, as in mmct.corruptions.
_OTHER = 'other'
# Keys that do not say which images there are.
_FREE = ('categories', 'md5_checked')


def describe(
    name: str,
    labels: np.ndarray,
    classes: Sequence[str] | None,
    categories: Mapping[str, Sequence[str]],
) -> dict[str, Any]:
    """Describe a corruption set for result files.

    Args:
        name (str): Name of the set.
        labels (np.ndarray): Labels of the images. int64 (N,)
        classes (Sequence[str], optional): Names of the classes.
        categories (Mapping[str, Sequence[str]]): The categories of its corruptions.

    Returns:
        dict: The description, which JSON can hold.
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
    name: str, result: Mapping[str, Any], other_name: str, other_result: Mapping[str, Any]
) -> None:
    """Refuse two results that were not scored on the same images.

    Pixels are compared where both results know them.

    Args:
        name (str): Name of the first result, for the message.
        result (Mapping): Its ``data``, the description of the images, and its ``cells``.
        other_name (str): Name of the second result, for the message.
        other_result (Mapping): The same of the second result.

    Raises:
        ValueError: If the images differ; the message says in which key or cell.
    """
    data, other = result['data'], other_result['data']
    key = first_difference(data, other, (*_ALWAYS, *_IF_KNOWN))
    if key is not None:
        raise ValueError(
            f'{name} and {other_name} are not scored on the same images: {key} is '
            f'{data.get(key)} in one and {other.get(key)} in the other'
        )
    pixels, others = (
        {(c['corruption'], c['severity']): c.get('pixels_sha256') for c in each['cells']}
        for each in (result, other_result)
    )
    for cell in pixels:
        if pixels[cell] != others.get(cell) and None not in (pixels[cell], others.get(cell)):
            raise ValueError(
                f'{name} and {other_name} are not scored on the same images: those of '
                '{} at severity {} have other pixels'.format(*cell)
            )


def first_difference(
    data: Mapping[str, Any], other: Mapping[str, Any], keys: Sequence[str] | None = None
) -> str | None:
    """Find the first difference between two descriptions of images.

    Args:
        data (Mapping): The first description.
        other (Mapping): The second description.
        keys (Sequence[str], optional): The keys to compare. Defaults to None: all but
            ``categories``, which depend on the corruptions that were chosen, and
            ``md5_checked``.

    Returns:
        str | None: The first key that differs, or None. Keys that earlier versions lack count
        only if both descriptions have them.
    """
    if keys is None:
        keys = [key for key in dict.fromkeys((*data, *other)) if key not in _FREE]
    for key in keys:
        one, two = data.get(key), other.get(key)
        if key == 'own':
            # What a user's corruption is counts where both have it.
            shared = {*(one or ())} & {*(two or ())}
            one, two = ({name: own[name] for name in shared} for own in (one, two))
        if one != two and not (key in _IF_KNOWN and None in (one, two)):
            return key
    return None


def joined(data: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, Any]:
    """Describe the same images with the corruptions of two descriptions.

    Args:
        data (Mapping): The first description.
        other (Mapping): The second description, which differs in ``categories``, ``own`` and
            ``md5_checked`` alone.

    Returns:
        dict: The description.
    """
    found = [
        (kind, name)
        for each in (data, other)
        for kind, names in each.get('categories', {}).items()
        for name in names
    ]
    # What one of them knows by name alone is of the category that the other knows.
    kinds = {name: kind for kind, name in sorted(found[::-1], key=lambda pair: pair[0] != _OTHER)}
    categories: dict[str, list[str]] = {}
    for kind, name in dict.fromkeys(found):
        if kinds[name] == kind:
            categories.setdefault(kind, []).append(name)
    own = {**other.get('own', {}), **data.get('own', {})}
    more = dict(own=own) if own else {}
    if 'md5_checked' in data and 'md5_checked' in other:
        more['md5_checked'] = data['md5_checked'] and other['md5_checked']
    # One of the two may know more, such as the pixels of clean images.
    return {**other, **data, 'categories': categories, **more}
