"""One writer a folder."""

from pathlib import Path

from filelock import FileLock, Timeout

from .errors import CTError


def lock_folder(folder: Path, other: str) -> FileLock:
    """Make a folder, and lock it against other processes.

    Args:
        folder (Path): The folder.
        other (str): What else to do, such as 'use another --work-dir'.

    Returns:
        FileLock: Held as long as it is referenced.

    Raises:
        CTError: If another run writes there, or it cannot be written to.
    """
    lock = FileLock(folder / '.lock')
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock.acquire(timeout=0)
    except Timeout as error:
        raise CTError(f'another run is writing to {folder}: wait for it, or {other}') from error
    except OSError as error:
        raise CTError(f'{folder} cannot be written to ({error.strerror}): {other}') from error
    return lock
