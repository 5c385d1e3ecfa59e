"""Names of runs, as short as they can be told apart."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from mmct.messages import visible

_WORD = re.compile(r'[^\s_:,/]+')
_BETWEEN = ' _:,/'


def short_names(names: Sequence[str]) -> list[str]:
    """Leave out what all names have in common.

    Args:
        names (Sequence[str]): Such as 'bn_resnet18_digits' and 'ct_resnet18_digits'.

    Returns:
        list[str]: Such as 'bn' and 'ct'. As they are where nothing would be left of one, or
        two would be equal.
    """
    words = [_WORD.findall(name) for name in names]
    for common in _common_words(words) if len(names) > 1 else ():
        shorter = [_without(name, common) for name in names]
        if all(shorter) and len(set(shorter)) == len(set(names)):
            return shorter
    return list(names)


def shortened(name: str, length: int = 28) -> str:
    """Write a name into a figure.

    Args:
        name (str): Of a run.
        length (int): At most so many characters. Defaults to 28.

    Returns:
        str: Without its middle if it is longer: runs often differ at the end.
    """
    name, half = visible(name), length // 2
    if len(name) > length:
        name = f'{name[:length - half - 1]}…{name[-half:]}'
    # A dollar sign would begin a formula.
    return name.replace('$', r'\$')


def _common_words(words: Sequence[list[str]]) -> Iterator[list[str]]:
    """Yield sequences of words that all names have: the longest first, of equal ones the last."""
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
