"""Released corruption sets, fetched on request from the public record of their authors."""

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
        url (str): Where it is; its last part is the file's name.
        md5 (str): Of the file, as the record has it.
        corruptions (tuple[str, ...]): What is in it.
    """

    url: str
    md5: str
    corruptions: tuple[str, ...]

    def fetch(self, folder: Path, names: Collection[str]) -> None:
        """Download the archive into the folder of the set, and unpack it there.

        An archive of that name that is there already is taken, and kept; one that was
        downloaded is removed at the end.

        Args:
            folder (Path): The folder; it is there.
            names (Collection[str]): The folders, or ``.npy`` files, that belong to the set.

        Raises:
            CTError: If the download breaks off for good, the file is not the released one, or
                there is no room for it.
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


def unpack(archive: Path, folder: Path, names: Collection[str]) -> None:
    """Unpack the set's files, each folder or array whole or not at all.

    Nothing is written outside of the folder, and nothing but regular files; what is there
    already is left as it is.

    Args:
        archive (Path): A tar file.
        folder (Path): Where they go.
        names (Collection[str]): The folders, or ``.npy`` files, to take, wherever they are in it.

    Raises:
        OSError: If a file cannot be written.
        tarfile.TarError: If it is no tar file.
    """
    work = folder / '.unpacking'
    shutil.rmtree(work, ignore_errors=True)
    try:
        with tarfile.open(archive) as tar:
            while (member := tar.next()) is not None:
                # It would keep them all, of which some sets have a million.
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
    """Choose where a member goes, below the folder of the set; None for what is not of it."""
    parts = PurePosixPath(member.name).parts
    starts = [i for i, part in enumerate(parts) if part.removesuffix('.npy') in names]
    # A part such as `..` would lead out of the folder; it counts as hidden.
    if not member.isfile() or not starts or any(map(is_system, parts[starts[0]:])):
        return None
    return PurePosixPath(*parts[starts[0]:])
