"""Files that are written whole or not at all."""

import json
import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from .errors import CTError


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
