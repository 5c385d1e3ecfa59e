"""Decide which entries of an image folder count as data, by one rule for all readers.

Uses the standard library alone.
"""

import os
from pathlib import Path

IMAGE_ENDINGS = ('.jpg', '.jpeg', '.png', '.ppm', '.bmp', '.pgm', '.tif', '.tiff', '.webp')
"""The endings of image files, in lower case."""

# Entries that operating systems, archivers, network drives and editors create on their own, besides
# names that begin with a dot: `.DS_Store`, `._cat.jpg`, `.ipynb_checkpoints`.
_SYSTEM = {
    '$recycle.bin', '#recycle', '@eadir', '@recycle', '@tmp', '__macosx', '__pycache__',
    'desktop.ini', 'ehthumbs.db', 'lost+found', 'system volume information', 'thumbs.db',
}  # fmt: skip


def is_system(name: str) -> bool:
    """Check whether an entry is hidden or was created by the system.

    Args:
        name (str): Name of a file or folder, without its path.

    Returns:
        bool: True for hidden and system entries, False for data.
    """
    return name.startswith('.') or name.lower() in _SYSTEM


def data_folders(folder: str | Path) -> list[str]:
    """List the folders in a folder, such as the class folders of a data set.

    Args:
        folder (str | Path): The folder; it need not exist.

    Returns:
        list[str]: The sorted folder names, without hidden and system entries.
    """
    if not os.path.isdir(folder):
        return []
    with os.scandir(folder) as entries:
        return sorted(e.name for e in entries if e.is_dir() and not is_system(e.name))


def image_files(folder: str | Path) -> list[str]:
    """List the images in a folder and its subfolders, as torchvision and mmpretrain do.

    Args:
        folder (str | Path): The folder. Links to other folders are followed, except links to a
            folder that contains them.

    Returns:
        list[str]: The sorted paths relative to the folder, with ``/``, without hidden and system
        entries.
    """
    found = []
    for here, folders, files in os.walk(folder, followlinks=True):
        folders[:] = [name for name in folders if not (is_system(name) or _leads_up(here, name))]
        below = Path(os.path.relpath(here, folder))
        found += [
            (below / name).as_posix()
            for name in files
            if name.lower().endswith(IMAGE_ENDINGS) and not is_system(name)
        ]
    return sorted(found)


def _leads_up(here: str, name: str) -> bool:
    """Check for a link to a folder that contains it: following it would never end."""
    path = os.path.join(here, name)
    return os.path.islink(path) and Path(os.path.realpath(here)).is_relative_to(
        os.path.realpath(path)
    )
