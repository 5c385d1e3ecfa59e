"""The files of the model zoo: where they are, and that they are the published ones."""

import hashlib
import os
from pathlib import Path
from urllib.parse import urlsplit

from filelock import FileLock

from mmct.paths import checkout
from mmct.runs.download import download
from mmct.runs.errors import CTError
from mmct.runs.files import write_bytes

from .index import ZooFile

RELEASE_URL = 'https://mmct.invalid/zoo'
"""Where the files of a release are. None is published yet: this domain cannot exist (RFC 2606)."""


def source() -> str:
    """Say where the files are.

    Returns:
        str: The value of ``MMCT_ZOO``, a folder or a URL; else the folder ``zoo`` of the checkout
        that mmct is imported from; else :data:`RELEASE_URL`.
    """
    root = checkout()
    own = root and root / 'zoo'
    return os.environ.get('MMCT_ZOO') or (str(own) if own and own.is_dir() else RELEASE_URL)


def fetch(file: ZooFile, folder: str | Path | None = None) -> Path:
    """Get a file of the zoo, and check its digest.

    A download is kept in ``~/.cache/mmct/zoo``, or where ``XDG_CACHE_HOME`` has its caches. What is
    there is not downloaded again, and an interrupted download goes on.

    Args:
        file (ZooFile): Of an entry.
        folder (str | Path, optional): Where to put a copy. Defaults to None: it stays where it is.

    Returns:
        Path: The file.

    Raises:
        CTError: If it cannot be had, or is not the published one.
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
    """Find a file in the cache, or download it there; its content, which was checked."""
    path = _cache() / file.name
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
        # The other processes of a run wait, and then find it done.
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


def _cache() -> Path:
    caches = os.environ.get('XDG_CACHE_HOME') or os.path.expanduser('~/.cache')
    return Path(caches) / 'mmct' / 'zoo'


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
