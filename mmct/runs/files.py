"""Files and folders that one process writes at a time, and files that are whole or not there."""

import json
import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from .errors import CTError, LockedError


def write_whole(path: Path, write: Callable[[Path], Any]) -> None:
    """Write a file under a temporary name and move it into place.

    Args:
        path (Path): The final name.
        write (Callable): Gets the temporary name and writes the file.

    Raises:
        CTError: If it cannot be written; a file of that name is then as it
            was.
    """
    temporary = temporary_name(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # Not written into: it might be a link.
        temporary.unlink(missing_ok=True)
        write(temporary)
        with temporary.open('rb') as file:
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except OSError as error:
        raise CTError(
            f'{path} was not written ({error.strerror}); what was there is intact. '
            'Make room or allow writing there, then start again (training: with --resume)'
        ) from error
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


def temporary_name(path: Path) -> Path:
    """Name a file while it is written.

    It is the same name each time: what a killed run leaves is overwritten by the next. It is one
    that no user has.

    Args:
        path (Path): The final name.

    Returns:
        Path: Beside it, hidden.
    """
    return path.with_name(f'.{path.name}.mmct.tmp')


def write_bytes(path: Path, content: bytes) -> None:
    """Write a binary file, whole or not at all.

    Args:
        path (Path): The file.
        content (bytes): Its content.
    """
    write_whole(path, lambda temporary: temporary.write_bytes(content))


def write_text(path: Path, text: str) -> None:
    """Write a text file, whole or not at all.

    Args:
        path (Path): The file.
        text (str): Its content.
    """
    write_whole(path, lambda temporary: temporary.write_text(text, encoding='utf-8'))


def write_json(path: Path, value: Any) -> None:
    """Write a JSON file, whole or not at all.

    Args:
        path (Path): The file.
        value: Anything that JSON can hold.
    """
    write_text(path, json.dumps(value, indent=2) + '\n')


def lock_folder(folder: Path, other: str) -> FileLock:
    """Make a folder, and lock it against other processes.

    Args:
        folder (Path): The folder.
        other (str): What else to do, such as 'use another --work-dir'.

    Returns:
        FileLock: Held as long as it is referenced.

    Raises:
        LockedError: If another run writes there.
        CTError: If it cannot be written to.
    """
    return _acquire(folder / '.lock', folder, other)


def lock_file(file: Path, other: str) -> FileLock:
    """Lock a file that is to be written, and make its folder.

    Args:
        file (Path): The file.
        other (str): What else to do, such as 'choose another --out'.

    Returns:
        FileLock: Held as long as it is referenced.

    Raises:
        LockedError: If another run writes it.
        CTError: If its folder cannot be written to.
    """
    return _acquire(file.with_name(f'.{file.name}.lock'), file, other)


def _acquire(path: Path, what: Path, other: str) -> FileLock:
    lock = FileLock(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock.acquire(timeout=0)
    except Timeout as error:
        raise LockedError(f'another run is writing to {what}: wait for it, or {other}') from error
    except OSError as error:
        raise CTError(f'{what} cannot be written to ({error.strerror}): {other}') from error
    return lock
