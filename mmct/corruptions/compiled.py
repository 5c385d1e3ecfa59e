"""Compiling loops that no library has."""

import os
from collections.abc import Callable
from pathlib import Path

from numba import config, njit


def compiled(function: Callable) -> Callable:
    """Compile a function when it is first called.

    The machine code is kept on disk for the next process where a folder for it
    can be written: ``$NUMBA_CACHE_DIR``, or ``mmct`` in the user's cache.

    Args:
        function (Callable): Loops over arrays.

    Returns:
        Callable: The same, compiled.
    """
    before = config.CACHE_DIR
    # Not beside the source, numba's default: pip would leave it there when mmct is
    # removed, and that folder would hide parts of an editable install.
    config.CACHE_DIR = before or _user_cache()
    try:
        return njit(cache=True, nogil=True)(function)
    except RuntimeError:  # no folder that can be written
        return njit(nogil=True)(function)
    finally:
        config.CACHE_DIR = before


def _user_cache() -> str:
    root = os.environ.get('XDG_CACHE_HOME') or Path.home() / '.cache'
    return str(Path(root) / 'mmct')
