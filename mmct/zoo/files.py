"""Locate and fetch the files of the model zoo, and check that they are the published ones."""

import hashlib
import os
from pathlib import Path
from urllib.parse import urlsplit

from filelock import FileLock

from mmct.paths import checkout, user_cache
from mmct.runs.download import download
from mmct.runs.errors import CTError
from mmct.runs.files import write_bytes

from .index import ZooFile

RELEASE_URL = 'https://mmct.invalid/zoo'
"""Address of the files. None are published yet, and this domain cannot exist (RFC 2606)."""


def source() -> str:
    """Return the location of the files.

    Returns:
        str: The environment variable ``MMCT_ZOO``, a folder or a URL, if it is set; else the
        folder ``zoo`` of the checkout from which mmct is imported; else :data:`RELEASE_URL`.
    """
    root = checkout()
    own = root and root / 'zoo'
    return os.environ.get('MMCT_ZOO') or (str(own) if own and own.is_dir() else RELEASE_URL)


def fetch(file: ZooFile, folder: str | Path | None = None) -> Path:
    """Fetch a file of the zoo, and check its digest.

    Downloads are kept in ``~/.cache/mmct/zoo``, or below ``XDG_CACHE_HOME`` if it is set. A file
    that is there is not downloaded again, and an interrupted download continues.

    Args:
        file (ZooFile): The file, from an entry of the index.
        folder (str | Path, optional): Folder for a copy of the file. Defaults to None, no copy.

    Returns:
        Path: The copy, or the file itself.

    Raises:
        CTError: If the file cannot be read or downloaded, or is not the published one.
    """
    where = source()
    if '://' in where:
        path, content = _downloaded(f'{where.rstrip("/")}/{file.name}', file)
    else:
        path = Path(where).expanduser() / file.name
        content = _read(path)
        if content is None:
            raise CTError(
                f'there is no file {path}: MMCT_ZOO must name a folder or URL that has it'
            )
        _check(content, file, str(path))
    if folder is not None:
        path = Path(folder) / file.name
        write_bytes(path, content)
    return path


def _downloaded(url: str, file: ZooFile) -> tuple[Path, bytes]:
    """Find a file in the cache, or download it there; return its path and checked content."""
    path = user_cache() / 'zoo' / file.name
    content = _read(path)
    if content is not None:
        _check(content, file, f'{path} (remove it, and it is fetched again)')
        return path, content
    if (urlsplit(url).hostname or '').endswith('.invalid'):
        raise CTError(
            f'{file.name} is not published yet: set MMCT_ZOO to the folder zoo of a checkout of '
            'mmct, or to a URL that has its files'
        )
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # One process downloads the file, and the others of a run wait for it.
        with FileLock(path.with_name(f'.{file.name}.lock')):
            if not path.is_file():
                download(url, path)
            content = path.read_bytes()
            try:
                _check(content, file, url)
            except CTError:
                path.unlink()
                raise
    except OSError as error:
        raise CTError(f'{path} cannot be written ({error.strerror})') from error
    return path, content


def _read(path: Path) -> bytes | None:
    try:
        return path.read_bytes() if path.is_file() else None
    except OSError as error:
        raise CTError(f'{path} cannot be read ({error.strerror})') from error


def _check(content: bytes, file: ZooFile, where: str) -> None:
    found = hashlib.sha256(content).hexdigest()
    if found != file.sha256:
        raise CTError(
            f'{where} is not the published file, it was not loaded: its SHA-256 is {found}, not '
            f'{file.sha256}'
        )
