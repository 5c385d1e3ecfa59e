"""The layout of ImageNet-C: an image file a corruption, severity and image."""

import io
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from ..errors import CTError
from ..whole_files import write_whole
from .layout import Layout
from .recipe import Part
from .source import Source


@dataclass(frozen=True)
class Folders(Layout):
    """``<corruption>/<severity>/<class>/<name>.jpg``.

    Args:
        out, work, recipe: As for any layout.
        classes (tuple[str, ...]): The folder of each class, in label order.
    """

    classes: tuple[str, ...]

    @staticmethod
    def has(out: Path, corruption: str) -> bool:
        """Whether its folder is there."""
        return (out / corruption).is_dir()

    def reopen(self, corruption: str) -> None:
        """Take back a folder: the run was killed right after it was moved."""
        if self.has(self.out, corruption):
            os.replace(self.out / corruption, self.work / corruption)

    def make(self, source: Source, corruption: str, part: Part) -> bool:
        """Make those images of a part that are not there."""
        made = False
        for i, index in enumerate(part.indices):
            name = Path(self.classes[part.labels[i]]) / source.file_name(int(index))
            files = {s: self.work / corruption / str(s) / name for s in self.recipe.severities}
            missing = {s: path for s, path in files.items() if not path.exists()}
            if not missing:
                continue
            # One by one: the images' sizes may differ.
            image = part.read(source, i)[None]
            for severity, path in missing.items():
                corrupted = self.recipe.corrupt(image, corruption, severity, part.indices[i:i + 1])
                _write_jpeg(path, corrupted[0])
            made = True
        return made

    def finish(self, corruption: str) -> dict[str, str]:
        """Move the folder to its place; a million digests would be no manifest."""
        made = self.work / corruption
        for severity in self.recipe.severities:
            for name in self.classes:
                # Also those of classes without images: readers number the
                # folders that they find.
                (made / str(severity) / name).mkdir(parents=True, exist_ok=True)
        os.replace(made, self.out / corruption)
        return {}


def class_folders(source: Source, labels: np.ndarray) -> tuple[str, ...]:
    """A folder a class, whose names sort in the order of the labels.

    Args:
        source (Source): The data set.
        labels (np.ndarray): Of its images.

    Returns:
        tuple[str, ...]: The source's own folders, where it has such; else the
        labels as numbers of equal length.
    """
    if source.class_folders is not None:
        return tuple(source.class_folders)
    count = max(len(source.classes or ()), int(labels.max()) + 1)
    return tuple(f'{label:0{len(str(count - 1))}d}' for label in range(count))


def check_names(source: Source, indices: np.ndarray, names: np.ndarray) -> None:
    """Refuse images that would be written to the same file.

    Args:
        source (Source): The data set.
        indices (np.ndarray): Of the images. (N,)
        names (np.ndarray): A number for each label and file name. (N,)

    Raises:
        CTError: Names two of them.
    """
    order = np.argsort(names, kind='stable')
    twins = np.flatnonzero(names[order][1:] == names[order][:-1])
    if twins.size:
        first, second = (int(indices[order[twins[0] + i]]) for i in (0, 1))
        raise CTError(
            f'{source.path(first)} and {source.path(second)} would both be written to '
            f'{source.file_name(first)} of one class: rename one, or choose --layout arrays'
        )


def _write_jpeg(path: Path, image: np.ndarray) -> None:
    # As the released ImageNet-C was saved.
    content = io.BytesIO()
    Image.fromarray(image).save(content, 'JPEG', quality=85, optimize=True)
    write_whole(path, lambda temporary: temporary.write_bytes(content.getbuffer()))
