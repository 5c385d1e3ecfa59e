"""Decide which entries of an image folder count as data, by one rule for all readers.

Uses the standard library alone.
"""

import os
from collections import deque
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
        # Of a link that leads to itself an entry raises an error.
        return sorted(e.name for e in entries if os.path.isdir(e.path) and not is_system(e.name))


def image_files(folder: str | Path) -> list[str]:
    """List the images in a folder and its subfolders, as torchvision and mmpretrain do.

    Args:
        folder (str | Path): The folder. Links to other folders are followed, except links to a
            folder that contains them. A folder that is there more than once by way of links is
            read once.

    Returns:
        list[str]: The sorted paths relative to the folder, with ``/``, without hidden and system
        entries.
    """
    top = os.path.realpath(folder)
    if not os.path.isdir(top):
        return []
    found: list[str] = []
    walked: set[str] = set()
    # Links come last: what is there itself keeps its name.
    folders, links = deque([('', top)]), deque()
    while folders or links:
        below, real = (folders or links).popleft()
        if real in walked:
            continue
        walked.add(real)
        with os.scandir(real) as entries:
            for entry in sorted(entries, key=lambda entry: entry.name):
                name = f'{below}/{entry.name}' if below else entry.name
                if is_system(entry.name):
                    continue
                link = entry.is_symlink()
                # Of a link that leads to itself an entry raises an error.
                if not (os.path.isdir(entry.path) if link else entry.is_dir()):
                    if entry.name.lower().endswith(IMAGE_ENDINGS):
                        found.append(name)
                elif link:
                    target = os.path.realpath(entry.path)
                    # Following a link to a folder that contains it would read other classes.
                    if not any(Path(inner).is_relative_to(target) for inner in (real, top)):
                        links.append((name, target))
                else:
                    folders.append((name, os.path.join(real, entry.name)))
    return sorted(found)
