"""One writer a folder, or a file."""

from pathlib import Path

from filelock import FileLock, Timeout

from .errors import CTError, LockedError


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

