"""Compiling loops that no library has."""

from collections.abc import Callable

from numba import njit


def compiled(function: Callable) -> Callable:
    """Compile a function when it is first called.

    The machine code is kept on disk for the next process where a folder for it
    can be written.

    Args:
        function (Callable): Loops over arrays.

    Returns:
        Callable: The same, compiled.
    """
    try:
        return njit(cache=True, nogil=True)(function)
    except RuntimeError:  # neither this package's folder nor the user's cache
        return njit(nogil=True)(function)
