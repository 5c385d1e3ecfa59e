"""Files and folders that one process writes at a time, and files that are whole or not there."""

import json
import os
import platform
from collections.abc import Callable
from contextlib import suppress
from glob import escape
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from .errors import CTError, LockedError


def write_whole(path: Path, write: Callable[[Path], Any]) -> None:
    """Write a file under a temporary name and move it into place.

    Several processes may write the same file at once: the last one's stays, whole.

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
        _remove_leftovers(path)
    except OSError as error:
        raise CTError(
            f'{path} was not written ({error.strerror}); what was there is intact. '
            'Make room or allow writing there, then start again (training: with --resume)'
        ) from error
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


def temporary_name(path: Path, process: str | None = None) -> Path:
    """Name a file while it is written: one name for each process, none that a user has.

    Args:
        path (Path): The final name.
        process (str, optional): Machine and number of a process; '*' for a pattern of all.
            Defaults to None, this one.

    Returns:
        Path: Beside it, hidden.
    """
    return path.with_name(f'.{path.name}.mmct.{process or f"{platform.node()}-{os.getpid()}"}.tmp')


def _remove_leftovers(path: Path) -> None:
    """Remove what killed processes of this machine left of a file."""
    pattern = temporary_name(Path(escape(path.name)), f'{escape(platform.node())}-*').name
    for stray in path.parent.glob(pattern):
        number = stray.name.rpartition('-')[2].removesuffix('.tmp')
        if number.isdecimal() and not _is_running(int(number)):
            stray.unlink(missing_ok=True)


def _is_running(process: int) -> bool:
    if os.name != 'posix':  # elsewhere the signal would end it
        return True
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:
        pass  # another user's
    return True


def file_name(name: str) -> str:
    """Make a file's name of any name: what is no letter, digit or one of ``._-`` becomes ``_``."""
    return ''.join(c if c.isalnum() or c in '._-' else '_' for c in name)


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
