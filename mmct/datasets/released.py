"""Download released corruption sets from the public records of their authors."""

import errno
import os
import shutil
import tarfile
import time
from collections.abc import Collection
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path, PurePosixPath
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from torchvision.datasets.utils import calculate_md5

from mmct.folders import is_system
from mmct.runs.errors import CTError
from mmct.runs.progress import Progress

_MB = 1 << 20
_TIMEOUT = 60.0  # seconds without a byte
# Attempts of a download without progress, and the seconds between them.
_TRIES, _PAUSE = 5, 3.0


@dataclass(frozen=True)
class Archive:
    """A file of a public record.

    Args:
        url (str): Address of the file; its last part is the file name.
        md5 (str): MD5 of the file, from the record.
        corruptions (tuple[str, ...]): The corruptions that the file contains.
    """

    url: str
    md5: str
    corruptions: tuple[str, ...]

    def fetch(self, folder: Path, names: Collection[str]) -> None:
        """Download the archive into the folder of the set, and unpack it there.

        If the folder already contains the archive, it is used and kept. A downloaded archive
        is removed at the end.

        Args:
            folder (Path): The folder, which must exist.
            names (Collection[str]): The folders, or ``.npy`` files, that belong to the set.

        Raises:
            CTError: If the download keeps failing, the file is not the released one, or there
                is no space for it.
        """
        file = folder / self.url.rsplit('/', 1)[-1]
        there = file.is_file()
        try:
            if not there:
                download(self.url, file)
            print(f'checking and unpacking {file}', flush=True)
            found = calculate_md5(file)
            if found != self.md5:
                if not there:
                    file.unlink()
                raise CTError(
                    f'{self.url if not there else file} is not the released file: its MD5 is '
                    f'{found}, not {self.md5}'
                )
            unpack(file, folder, names)
        except (OSError, tarfile.TarError) as error:
            raise CTError(f'{file} cannot be fetched or unpacked: {error}') from error
        if not there:
            file.unlink()


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
                    f'the same command again to continue, or save the file as {file}'
                ) from error
            time.sleep(_PAUSE * failures)
    os.replace(part, file)


def _go_on(url: str, part: Path) -> None:
    """Fetch the rest of a file, as far as possible."""
    start = _size(part)
    headers = {'User-Agent': 'mmct'} | ({'Range': f'bytes={start}-'} if start else {})
    try:
        response = urlopen(Request(url, headers=headers), timeout=_TIMEOUT)
    except HTTPError as error:
        if error.code != 416:
            raise
        # Nothing is left to fetch. If the file is wrong, its MD5 will show it.
        error.close()
        return
    with response:
        # Some servers send the whole file whatever the request.
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


def unpack(archive: Path, folder: Path, names: Collection[str]) -> None:
    """Unpack the files of a set, each folder or array completely or not at all.

    This writes only regular files, and only inside the folder. Existing files and folders
    stay unchanged.

    Args:
        archive (Path): A tar file.
        folder (Path): The folder of the set.
        names (Collection[str]): The folders, or ``.npy`` files, to unpack from any place in the
            archive.

    Raises:
        OSError: If a file cannot be written.
        tarfile.TarError: If the archive is not a tar file.
    """
    work = folder / '.unpacking'
    shutil.rmtree(work, ignore_errors=True)
    try:
        with tarfile.open(archive) as tar:
            while (member := tar.next()) is not None:
                # tarfile would keep all members in memory; some sets have a million.
                tar.members = []
                place = _place(member, names)
                if place is None:
                    continue
                (work / place).parent.mkdir(parents=True, exist_ok=True)
                with tar.extractfile(member) as content, (work / place).open('wb') as out:
                    shutil.copyfileobj(content, out, _MB)
        for made in sorted(work.iterdir() if work.exists() else ()):
            if not (folder / made.name).exists():
                os.replace(made, folder / made.name)
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _place(member: tarfile.TarInfo, names: Collection[str]) -> PurePosixPath | None:
    """Choose the place of a member in the folder of the set; None if it does not belong there."""
    parts = PurePosixPath(member.name).parts
    starts = [i for i, part in enumerate(parts) if part.removesuffix('.npy') in names]
    # A part such as `..`, which would lead out of the folder, counts as hidden.
    if not member.isfile() or not starts or any(map(is_system, parts[starts[0]:])):
        return None
    return PurePosixPath(*parts[starts[0]:])
