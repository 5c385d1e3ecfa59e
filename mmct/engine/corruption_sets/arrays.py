"""The layout of CIFAR-10-C: an array a corruption."""

import hashlib
import math
import shutil
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..errors import CTError
from ..whole_files import write_whole
from .layout import Layout
from .recipe import Part
from .source import Source


@dataclass(frozen=True)
class Arrays(Layout):
    """``<corruption>.npy`` of all severities, and ``labels.npy``.

    Args:
        out, work, recipe: As for any layout.
        images (int): How many there are.
        size (tuple[int, int]): Their height and width.
        part_size (int): Images in each part but the last.
    """

    images: int
    size: tuple[int, int]
    part_size: int

    @staticmethod
    def has(out: Path, corruption: str) -> bool:
        """Whether its array is there, and the labels."""
        return all((out / f'{name}.npy').is_file() for name in (corruption, 'labels'))

    def begin(self, labels: np.ndarray) -> None:
        """Write the labels, once for each severity."""
        # 64 bits: as a loss takes them, and more classes than 8 bits hold.
        block = labels.astype('<i8').tobytes()
        times = len(self.recipe.severities)
        _write_npy(self.out / 'labels.npy', '<i8', (times * self.images,), [block] * times)

    def make(self, source: Source, corruption: str, part: Part) -> bool:
        """Make a part, a file of all severities."""
        path = self._part(corruption, part.number, len(part.indices))
        if path.exists():
            return False
        images = np.stack([part.read(source, i) for i in range(len(part.indices))])
        made = [
            self.recipe.corrupt(images, corruption, severity, part.indices)
            for severity in self.recipe.severities
        ]
        write_whole(path, lambda temporary: temporary.write_bytes(np.stack(made).tobytes()))
        return True

    def finish(self, corruption: str) -> dict[str, str]:
        """Put the parts together."""
        final = self.out / f'{corruption}.npy'
        shape = (len(self.recipe.severities) * self.images, *self.size, 3)
        return {final.name: _write_npy(final, '|u1', shape, self._blocks(corruption))}

    def clear(self, corruption: str) -> None:
        """Remove the parts."""
        shutil.rmtree(self.work / corruption, ignore_errors=True)

    def _part(self, corruption: str, number: int, images: int) -> Path:
        # With its length: parts of another length are no parts of this array.
        return self.work / corruption / f'{number:06d}_{images}.bin'

    def _blocks(self, corruption: str) -> Iterator[bytes]:
        """The bytes of the array: a severity after the other, of each part its share."""
        for severity in range(len(self.recipe.severities)):
            for number, start in enumerate(range(0, self.images, self.part_size)):
                count = min(self.part_size, self.images - start)
                share = count * self.size[0] * self.size[1] * 3
                with self._part(corruption, number, count).open('rb') as file:
                    file.seek(severity * share)
                    yield file.read(share)


def _write_npy(path: Path, dtype: str, shape: tuple[int, ...], blocks: Iterable[bytes]) -> str:
    digest = hashlib.sha256()

    def write(temporary: Path) -> None:
        with temporary.open('wb') as file:
            header = dict(descr=dtype, fortran_order=False, shape=shape)
            np.lib.format.write_array_header_1_0(file, header)
            # Not numpy's own writing: of a full disk it says no more than
            # 'N requested and M written'.
            header_size = file.tell()
            for block in blocks:
                file.write(block)
            if file.tell() - header_size != np.dtype(dtype).itemsize * math.prod(shape):
                raise CTError(f'the parts of {path} are damaged: start anew in another folder')
        with temporary.open('rb') as file:
            while block := file.read(1 << 20):
                digest.update(block)

    write_whole(path, write)
    return digest.hexdigest()
