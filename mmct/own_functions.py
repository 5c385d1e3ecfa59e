"""How a user's own functions get names in tables of ours."""

import re
from collections.abc import Callable, Iterable


def add_function(
    table: dict[str, Callable], kind: str, name: str, function: Callable, taken: Iterable[str] = ()
) -> None:
    """Give a function a name that configs and options may use.

    Args:
        table (dict[str, Callable]): Gets it.
        kind (str): What it is, for messages, such as 'method'.
        name (str): Letters, digits, ``_``, ``-``.
        function (Callable): The function. A module may be imported again: one of the same
            module and name replaces it.
        taken (Iterable[str]): Names beside those in the table. Defaults to none.

    Raises:
        ValueError: If the name is no word or taken, or the function cannot be called.
    """
    if not isinstance(name, str) or not re.fullmatch(r'[A-Za-z0-9][\w-]*', name):
        raise ValueError(f'the name of a {kind} must be a word, got {name!r}')
    if not callable(function):
        raise ValueError(f'{kind} {name}: it must be a function, got {type(function).__name__}')
    old = table.get(name)
    if name in taken or (old is not None and _full_name(old) != _full_name(function)):
        raise ValueError(f'there is a {kind} {name!r} already: choose another name')
    table[name] = function


def _full_name(function: Callable) -> str:
    kind = function if hasattr(function, '__qualname__') else type(function)
    return f'{kind.__module__}.{kind.__qualname__}'
