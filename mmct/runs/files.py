"""Files that are written whole or not at all."""

import json
import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout
from mmengine.fileio import LocalBackend, register_backend

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
    # One name: what a killed run leaves is overwritten by the next.
    temporary = path.with_name(f'{path.name}.tmp')
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
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


class WholeFileBackend(LocalBackend):
    """Local files that are written whole, and removed when they are told to.

    mmengine's ``CheckpointHook`` removes the checkpoint that another replaces
    before it writes that one; here it stays until :meth:`remove_outdated`.
    Set by ``backend_args=dict(backend='whole_file')``, as
    :class:`mmct.engine.ResumableCheckpointHook` does.
    """

    def __init__(self) -> None:
        super().__init__()
        self._outdated: list[str | Path] = []

    def put(self, obj: bytes, filepath: str | Path) -> None:
        """Write a file under a temporary name and move it into place.

        Args:
            obj (bytes): Its content.
            filepath (str | Path): The file.

        Raises:
            CTError: If it cannot be written; nothing is then lost.
        """
        write_whole(Path(filepath), lambda temporary: temporary.write_bytes(obj))

    def remove(self, filepath: str | Path) -> None:
        """Note that a file is outdated.

        Args:
            filepath (str | Path): The file.
        """
        self._outdated.append(filepath)

    def remove_outdated(self) -> None:
        """Remove the files that are outdated."""
        while self._outdated:
            Path(self._outdated.pop()).unlink(missing_ok=True)


# Registered again when a test reloads this module.
register_backend('whole_file', WholeFileBackend, force=True)


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
