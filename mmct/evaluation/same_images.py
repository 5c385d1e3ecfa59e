"""Whether two results are of the same images."""

from collections.abc import Mapping
from typing import Any

# What has to be equal. Results of earlier versions do not say all of it.
_ALWAYS = (
    'set', 'source', 'images', 'subset', 'labels_sha256', 'seed', 'table', 'revision', 'own'
)  # fmt: skip
_IF_KNOWN = ('pixels_sha256',)


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
    for key in (*_ALWAYS, *_IF_KNOWN):
        one, two = data.get(key), other.get(key)
        if one != two and not (key in _IF_KNOWN and None in (one, two)):
            raise ValueError(
                f'{name} and {other_name} are not scored on the same images: {key} is {one} and '
                f'{two}'
            )
