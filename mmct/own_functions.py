"""Name the functions that users register, and identify what they compute."""

import hashlib
import inspect
import re
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from functools import partial


def add_function(
    table: dict[str, Callable], kind: str, name: str, function: Callable, taken: Iterable[str] = ()
) -> None:
    """Give a function a name that configs and options may use.

    Args:
        table (dict[str, Callable]): The registered functions by name, changed in place.
        kind (str): The kind of function in messages, such as 'method'.
        name (str): Name of letters, digits, ``_`` and ``-``.
        function (Callable): The function. As a module may be imported again, a function of the
            same module and name replaces the registered one.
        taken (Iterable[str]): Names that are taken besides those in the table. Defaults to none.

    Raises:
        ValueError: If the name is no word or taken, or the function cannot be called.
    """
    check_word(f'name of a {kind}', name)
    if not callable(function):
        raise ValueError(f'{kind} {name}: it must be a function, got {type(function).__name__}')
    old = table.get(name)
    if name in taken or (old is not None and full_name(old) != full_name(function)):
        raise ValueError(f'there is a {kind} {name!r} already: choose another name')
    table[name] = function


def check_word(what: str, word: object) -> None:
    """Refuse a name that options and files could not hold.

    Args:
        what (str): The thing with that name, in the message.
        word (object): The name.

    Raises:
        ValueError: Unless it consists of letters, digits, ``_`` and ``-``.
    """
    if not isinstance(word, str) or not re.fullmatch(r'[A-Za-z0-9][\w-]*', word):
        raise ValueError(f'the {what} must be a word, got {word!r}')


def full_name(function: Callable) -> str:
    """Return module and name of a function, or of the class of a callable."""
    kind = _kind(function)
    return f'{kind.__module__}.{kind.__qualname__}'


def identity(function: Callable) -> str:
    """Identify what a function computes, as far as its own source and plain values say.

    Args:
        function (Callable): A function, a callable or a ``functools.partial`` of one.

    Returns:
        str: Its full name, with a digest of its source, of the arguments of a partial, and of
        the numbers, texts and arrays that it encloses, has as defaults, or is an object with.
    """
    kind = _kind(function)
    try:
        source = inspect.getsource(kind)
    except (OSError, TypeError):
        code = getattr(kind, '__code__', None)
        source = code.co_code.hex() if code else ''
    if isinstance(function, partial):
        source += repr((function.args, sorted((function.keywords or {}).items())))
    state = _state(function)
    if state:
        source += repr(sorted(state.items()))
    digest = hashlib.sha256(source.encode()).hexdigest()[:12]
    return f'{full_name(function)} ({digest})'


def _state(function: Callable) -> dict[str, str]:
    """Describe the values that a function computes with but that its source does not show."""
    function = _inner(function)
    owner = function.__self__ if inspect.ismethod(function) else function
    state = {} if isinstance(owner, type) else dict(getattr(owner, '__dict__', {}))
    if hasattr(function, '__code__'):
        names = function.__code__.co_freevars
        for name, cell in zip(names, function.__closure__ or (), strict=True):
            with suppress(ValueError):  # it is not filled yet
                state[name] = cell.cell_contents
        state |= {f'default {n}': value for n, value in enumerate(function.__defaults__ or ())}
        state |= function.__kwdefaults__ or {}
    return {name: _described(value) for name, value in state.items()}


def _described(value: object) -> str:
    """Describe a value; the repr of an object may hold an address, so its type stands for it."""
    if isinstance(value, (list, tuple)):
        return f'[{", ".join(map(_described, value))}]'
    if isinstance(value, Mapping):
        return _described([(str(key), value[key]) for key in value])
    if hasattr(value, 'tobytes') and not isinstance(value, type):  # an array
        return hashlib.sha256(value.tobytes()).hexdigest()
    if isinstance(value, (bool, int, float, complex, str, bytes, type(None))):
        return repr(value)
    return full_name(value) if callable(value) else type(value).__qualname__


def _inner(function: Callable) -> Callable:
    while isinstance(function, partial):
        function = function.func
    return function


def _kind(function: Callable) -> Callable:
    function = _inner(function)
    return function if hasattr(function, '__qualname__') else type(function)
