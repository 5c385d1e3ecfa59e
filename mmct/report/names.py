"""Shorten the names of runs while keeping them distinct."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from mmct.messages import visible

_WORD = re.compile(r'[^\s_:,/]+')
_BETWEEN = ' _:,/'


def short_names(names: Sequence[str]) -> list[str]:
    """Remove the words that all names have in common.

    Args:
        names (Sequence[str]): Names such as 'bn_resnet18_digits' and 'ct_resnet18_digits'.

    Returns:
        list[str]: Short names such as 'bn' and 'ct', or the full names if a short name would be
        empty or two would be equal.
    """
    words = [_WORD.findall(name) for name in names]
    for common in _common_words(words) if len(names) > 1 else ():
        shorter = [_without(name, common) for name in names]
        if all(shorter) and len(set(shorter)) == len(set(names)):
            return shorter
    return list(names)


def shortened(name: str, length: int = 28) -> str:
    """Shorten a name for a figure.

    Args:
        name (str): Name of a run.
        length (int): Maximum number of characters. Defaults to 28.

    Returns:
        str: The name; a longer one loses its middle, as runs often differ at the end. One that
        begins with an underscore begins with a space, as Matplotlib leaves such out of legends.
    """
    name, half = visible(name), length // 2
    if len(name) > length:
        name = f'{name[:length - half - 1]}…{name[-half:]}'
    # Matplotlib would start a formula at a dollar sign.
    return (' ' * name.startswith('_') + name).replace('$', r'\$')


def _common_words(words: Sequence[list[str]]) -> Iterator[list[str]]:
    """Yield the word sequences common to all names: the longest first, later before earlier."""
    first = words[0]
    for length in range(len(first), 0, -1):
        for start in range(len(first) - length, -1, -1):
            common = first[start : start + length]
            if all(_place(other, common) is not None for other in words[1:]):
                yield common


def _place(words: Sequence[str], part: Sequence[str]) -> int | None:
    starts = range(len(words) - len(part) + 1)
    return next((i for i in starts if list(words[i : i + len(part)]) == list(part)), None)


def _without(name: str, common: Sequence[str]) -> str:
    found = list(_WORD.finditer(name))
    start = _place([word.group() for word in found], common)
    before = name[: found[start].start()]
    after = name[found[start + len(common) - 1].end() :]
    return (before.rstrip(_BETWEEN) + after).strip(_BETWEEN)
