"""Write files atomically, and lock files and folders against other processes."""

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


def write_whole(path: Path, write: Callable[[Path], Any], tidy: bool = True) -> None:
    """Write a file under a temporary name and move it into place.

    Several processes may write the same file at once: the last version stays.

    Args:
        path (Path): The final name.
        write (Callable): Takes the temporary name and writes the file.
        tidy (bool): Whether to remove what killed processes left of this file, for which the whole
            folder is listed. Defaults to True.

    Raises:
        CTError: If the file cannot be written; an existing file is then
            unchanged.
    """
    temporary = temporary_name(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # Do not write into an existing file, which might be a link.
        temporary.unlink(missing_ok=True)
        write(temporary)
        with temporary.open('rb') as file:
            os.fsync(file.fileno())
        os.replace(temporary, path)
        if tidy:
            _remove_leftovers(path)
    except OSError as error:
        raise CTError(
            f'{path} was not written ({error.strerror}); any earlier file is intact. '
            'Free space or allow writing there, then start again (training: with --resume)'
        ) from error
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


def temporary_name(path: Path, process: str | None = None) -> Path:
    """Return the temporary name of a file, which is unique for each process.

    Args:
        path (Path): The final name.
        process (str, optional): Machine and number of a process, or '*' for a pattern of all.
            Defaults to None: this process.

    Returns:
        Path: A hidden name in the same folder.
    """
    return path.with_name(f'.{path.name}.mmct.{process or f"{platform.node()}-{os.getpid()}"}.tmp')


def _remove_leftovers(path: Path) -> None:
    """Remove temporary files that killed processes of this machine left."""
    pattern = temporary_name(Path(escape(path.name)), f'{escape(platform.node())}-*').name
    for stray in path.parent.glob(pattern):
        number = stray.name.rpartition('-')[2].removesuffix('.tmp')
        if number.isdecimal() and not _is_running(int(number)):
            stray.unlink(missing_ok=True)


def _is_running(process: int) -> bool:
    if os.name != 'posix':  # elsewhere the signal would end the process
        return True
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:
        pass  # a process of another user
    return True


def file_name(name: str) -> str:
    """Make a file name: replace every character but letters, digits and ``._-`` by ``_``."""
    return ''.join(c if c.isalnum() or c in '._-' else '_' for c in name)


def write_bytes(path: Path, content: bytes) -> None:
    """Write a binary file atomically.

    Args:
        path (Path): The file.
        content (bytes): The content.
    """
    write_whole(path, lambda temporary: temporary.write_bytes(content))


def write_text(path: Path, text: str) -> None:
    """Write a text file atomically, in UTF-8.

    Args:
        path (Path): The file.
        text (str): The content.
    """
    # A name may come from a file whose name is no UTF-8.
    write_bytes(path, text.encode(errors='backslashreplace'))


def write_json(path: Path, value: Any) -> None:
    """Write a JSON file atomically.

    Args:
        path (Path): The file.
        value (Any): Anything that JSON can hold.
    """
    write_text(path, json.dumps(value, indent=2) + '\n')


def lock_folder(folder: Path, other: str) -> FileLock:
    """Make a folder, and lock it against other processes.

    Args:
        folder (Path): The folder.
        other (str): The alternative for the message, such as 'use another --work-dir'.

    Returns:
        FileLock: The lock, held as long as it is referenced.

    Raises:
        LockedError: If another run writes there.
        CTError: If the folder cannot be written to.
    """
    return _acquire(folder / '.lock', folder, other)


def lock_file(file: Path, other: str) -> FileLock:
    """Lock a file before writing it, and make its folder.

    Args:
        file (Path): The file.
        other (str): The alternative for the message, such as 'choose another --out'.

    Returns:
        FileLock: The lock, held as long as it is referenced.

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
