"""Share what error messages have in common; standard library alone, for all rooms."""

import math
import unicodedata
from collections.abc import Iterable
from difflib import get_close_matches
from numbers import Integral


def suggestion(word: str, known: Iterable[str], otherwise: str | None = None) -> str:
    """Point from a name that does not exist to those that do.

    Args:
        word (str): What was given.
        known (Iterable[str]): All that would have been right.
        otherwise (str, optional): What to say where none is near. Defaults to
            ``choose from`` and all names.

    Returns:
        str: ``did you mean 'fog'?`` if one is near, else ``otherwise``.
    """
    names = [str(name) for name in known]
    near = get_close_matches(str(word), names, n=1, cutoff=0.6)
    if near:
        return f'did you mean {near[0]!r}?'
    return f'choose from {", ".join(names)}' if otherwise is None else otherwise


def counted(count: int, one: str, many: str) -> str:
    """Write a number with its noun.

    Args:
        count (int): How many.
        one (str): The noun for 1.
        many (str): The noun for other numbers.

    Returns:
        str: Such as '1 image' or '1,000 images'.
    """
    return f'{count:,} {one if count == 1 else many}'


def missing_data(error: Exception) -> str:
    """Say which file or folder of a data set is not there.

    Args:
        error (Exception): Raised while a data set was read.

    Returns:
        str: ``<path> does not exist``, or what the error says without a path.
    """
    where = getattr(error, 'filename', None)
    return f'{where} does not exist' if where else str(error).rstrip('.')


def visible(text: str) -> str:
    """Make a text from outside fit to be shown.

    Args:
        text (str): Such as the name of a run.

    Returns:
        str: With its code, in words, in the place of each control character, which a terminal
        would obey, and of each that turns the direction of the text.
    """
    obeyed = {c for c in text if unicodedata.category(c).startswith('C')}
    return ''.join(c.encode('unicode_escape').decode() if c in obeyed else c for c in text)


def is_positive(value: object) -> bool:
    """Tell if a setting is a number above 0, and finite.

    Args:
        value: The setting; a text such as 'abc' is none.
    """
    return isinstance(value, (int, float)) and 0 < value < math.inf


def is_count(value: object, least: int = 1) -> bool:
    """Tell if a setting is a whole number, such as one of bins, draws or images.

    Args:
        value: The setting; True and False are none.
        least (int): The smallest that will do. Defaults to 1.
    """
    whole = isinstance(value, Integral) and not isinstance(value, bool)
    return whole and value >= least


def require(holds: bool, rule: str, value: object) -> None:
    """Refuse a setting that breaks its rule.

    Args:
        holds (bool): Whether it keeps it.
        rule (str): Whose setting it is, and what is allowed, such as
            ``AugMix: width must be at least 1``.
        value (object): What came.

    Raises:
        ValueError: If the rule does not hold; says all of it.
    """
    if not holds:
        raise ValueError(f'{rule}, but got {value!r}')
