"""Download released corruption sets from the public records of their authors."""

import os
import shutil
import tarfile
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from torchvision.datasets.utils import calculate_md5

from mmct.folders import is_system
from mmct.runs.download import download
from mmct.runs.errors import CTError

_MB = 1 << 20


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
        has a hidden name until it is removed, at the end or by the next call.

        Args:
            folder (Path): The folder, which must exist.
            names (Collection[str]): The folders, or ``.npy`` files, that belong to the set.

        Raises:
            CTError: If the download keeps failing, the file is not the released one, or there
                is no space for it.
        """
        file = folder / self.url.rsplit('/', 1)[-1]
        there = file.is_file()
        if not there:
            file = self.downloaded(folder)
        try:
            if not file.is_file():
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
        self.downloaded(folder).unlink(missing_ok=True)

    def downloaded(self, folder: Path) -> Path:
        """Return the hidden file that a download ends in, below the folder of the set."""
        return folder / f'.{self.url.rsplit("/", 1)[-1]}.downloaded'


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
