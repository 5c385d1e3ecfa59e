"""Download files, continue interrupted downloads, and never leave a partial file."""

import errno
import os
import time
from http.client import HTTPException
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from .errors import CTError
from .progress import Progress

_MB = 1 << 20
_TIMEOUT = 60.0  # seconds without a byte
# Attempts of a download without progress, and the seconds between them.
_TRIES, _PAUSE = 5, 3.0


def download(url: str, file: Path) -> None:
    """Download a file, or continue an earlier download of it.

    Args:
        url (str): Address of the file.
        file (Path): The file to write once the download is complete.

    Raises:
        CTError: If the download keeps failing; the received part is kept.
        OSError: If the file cannot be written.
    """
    # The name is the same in each process, so that another process can continue.
    part = file.with_name(f'.{file.name}.part')
    failures = 0
    while True:
        before = _size(part)
        try:
            _go_on(url, part)
            break
        except (OSError, HTTPException) as error:
            if getattr(error, 'errno', None) in (errno.ENOSPC, errno.EDQUOT, errno.EACCES):
                raise
            failures = 1 if _size(part) > before else failures + 1
            refused = isinstance(error, HTTPError) and error.code in (401, 403, 404, 410)
            if refused or failures == _TRIES:
                reason = ' '.join(str(error).split()) or type(error).__name__
                raise CTError(
                    f'download of {url} failed after {_size(part) / _MB:,.0f} MB ({reason}): run '
                    f'the same command again to continue, or save the file in {file.parent}'
                ) from error
            time.sleep(_PAUSE * failures)
    os.replace(part, file)


def _go_on(url: str, part: Path) -> None:
    """Fetch as much of the rest of a file as possible."""
    start = _size(part)
    headers = {'User-Agent': 'mmct'} | ({'Range': f'bytes={start}-'} if start else {})
    try:
        response = urlopen(Request(url, headers=headers), timeout=_TIMEOUT)
    except HTTPError as error:
        if error.code != 416:
            raise
        # There is no rest. The caller checks the digest in case the file is incomplete.
        error.close()
        return
    with response:
        # Some servers send the whole file whatever range is requested.
        start = start if response.status == 206 else 0
        total = start + int(response.headers.get('Content-Length') or 0)
        progress = Progress(max(1, total // _MB), unit='MB')
        progress.add(part.name, start // _MB, made=False)
        with part.open('ab' if start else 'wb') as out:
            while content := response.read(_MB):
                done = out.tell()
                out.write(content)
                progress.add(f'downloading {url}', out.tell() // _MB - done // _MB)
    if _size(part) < total:
        raise ConnectionError(f'only {_size(part):,} of {total:,} bytes arrived')


def _size(file: Path) -> int:
    return file.stat().st_size if file.exists() else 0
