"""Build the common parts of error messages, with the standard library alone."""

import math
import re
import unicodedata
from collections.abc import Iterable
from contextlib import suppress
from difflib import get_close_matches
from itertools import islice
from numbers import Integral
from pathlib import Path

LACK_OF_MEMORY = r"out of memory|not enough memory|can('|no)t allocate memory|ALLOC_FAILED"
"""A pattern for what torch, on each device, and CUDA's libraries say when memory is used up."""


def suggestion(word: str, known: Iterable[str], otherwise: str | None = None) -> str:
    """Suggest a valid name in place of an unknown one.

    Args:
        word (str): The unknown name.
        known (Iterable[str]): All valid names.
        otherwise (str, optional): The text if no valid name is similar. Defaults to None:
            ``choose from`` and all names.

    Returns:
        str: ``did you mean 'fog'?`` if a valid name is similar, else ``otherwise``.
    """
    names = [str(name) for name in known]
    near = get_close_matches(str(word), names, n=1, cutoff=0.6)
    if near:
        return f'did you mean {near[0]!r}?'
    return f'choose from {", ".join(names)}' if otherwise is None else otherwise


def absent(path: str | Path) -> str:
    """Say that a file or folder does not exist, and suggest one beside it with a similar name.

    Of a path that exists it says what :func:`of_other_kind` does.

    Args:
        path (str | Path): The path.

    Returns:
        str: A text such as ``run/epoch_9.pth does not exist: did you mean 'epoch_8.pth'?``.
    """
    if Path(path).exists():
        return of_other_kind(path)
    beside: list[str] = []
    with suppress(OSError):  # the folder may be missing, too, or closed to us
        beside = sorted(other.name for other in islice(Path(path).parent.iterdir(), 1000))
    hint = suggestion(Path(path).name, beside, '')
    return f'{path} does not exist{": " if hint else ""}{hint}'


def of_other_kind(path: str | Path) -> str:
    """Say that a path is a folder where a file is needed, or a file where a folder is.

    Args:
        path (str | Path): A path that exists.

    Returns:
        str: A text such as ``run is a folder, but a file is needed``.
    """
    kinds = ('folder', 'file') if Path(path).is_dir() else ('file', 'folder')
    return '{} is a {}, but a {} is needed'.format(path, *kinds)


def counted(count: int, one: str, many: str) -> str:
    """Format a number with its noun.

    Args:
        count (int): The number.
        one (str): The singular noun.
        many (str): The plural noun.

    Returns:
        str: A text such as '1 image' or '1,000 images'.
    """
    return f'{count:,} {one if count == 1 else many}'


def missing_data(error: Exception) -> str:
    """Name the file or folder of a data set that is missing.

    Args:
        error (Exception): The error raised while reading the data set.

    Returns:
        str: ``<path> does not exist``, or the error's own text if it names no path or is of
        another kind.
    """
    where = isinstance(error, FileNotFoundError) and error.filename
    return f'{where} does not exist' if where else str(error).rstrip('.')


def visible(text: str) -> str:
    """Escape the control characters of an untrusted text.

    Args:
        text (str): A text from outside, such as the name of a run.

    Returns:
        str: The text, with an escape code in place of each character that could control a
        terminal or reverse the direction of the text.
    """
    obeyed = {c for c in text if unicodedata.category(c).startswith('C')}
    return ''.join(c.encode('unicode_escape').decode() if c in obeyed else c for c in text)


def is_positive(value: object) -> bool:
    """Check that a setting is a finite number above 0.

    Args:
        value (object): The setting, of any type.

    Returns:
        bool: True for a positive, finite int or float.
    """
    return isinstance(value, (int, float)) and 0 < value < math.inf


def is_weight(value: object) -> bool:
    """Check that a setting is a finite number of 0 or more.

    Args:
        value (object): The setting, of any type.

    Returns:
        bool: True for a finite int or float that is not negative.
    """
    return isinstance(value, (int, float)) and 0 <= value < math.inf


def is_count(value: object, least: int = 1) -> bool:
    """Check that a setting is an integer that can count bins, draws or images.

    Args:
        value (object): The setting; True and False do not count as integers.
        least (int): The smallest allowed value. Defaults to 1.

    Returns:
        bool: True for an integer of at least ``least``.
    """
    whole = isinstance(value, Integral) and not isinstance(value, bool)
    return whole and value >= least


def require(holds: bool, rule: str, value: object) -> None:
    """Refuse a setting that breaks its rule.

    Args:
        holds (bool): Whether the setting follows the rule.
        rule (str): The owner of the setting and the rule, such as
            ``AugMix: width must be at least 1``.
        value (object): The given value.

    Raises:
        ValueError: If the rule does not hold; the message states rule and value.
    """
    if not holds:
        raise ValueError(f'{rule}, but got {value!r}')


def require_counts(owner: str, least: int = 1, **settings: object) -> None:
    """Refuse settings that are not integers of a least value; None stands for a default.

    Args:
        owner (str): The class or function that has the settings.
        least (int): The smallest allowed value. Defaults to 1.
        **settings (object): The settings by name.

    Raises:
        ValueError: If one is another number, or no integer; the message names it.
    """
    for name, value in settings.items():
        rule = f'{owner}: {name} must be an integer of {least} or more'
        require(value is None or is_count(value, least), rule, value)


def without_address(text: str) -> str:
    """Remove the memory addresses from the text of objects, as they differ between processes.

    Args:
        text (str): Such as ``'<function f at 0x7f3a>'``.
    """
    return re.sub(r' at 0x[0-9A-Fa-f]+', '', text)
