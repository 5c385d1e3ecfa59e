"""Tell what counts in a folder of images: one rule for all readers; standard library alone."""

import os
from pathlib import Path

IMAGE_ENDINGS = ('.jpg', '.jpeg', '.png', '.ppm', '.bmp', '.pgm', '.tif', '.tiff', '.webp')
"""The endings of image files, in lower case."""

# What operating systems, archivers, network drives and editors put into folders unasked. Whatever
# begins with a dot is theirs, too: `.DS_Store`, `._cat.jpg`, `.ipynb_checkpoints`.
_SYSTEM = {
    '$recycle.bin', '#recycle', '@eadir', '@recycle', '@tmp', '__macosx', '__pycache__',
    'desktop.ini', 'ehthumbs.db', 'lost+found', 'system volume information', 'thumbs.db',
}  # fmt: skip


def is_system(name: str) -> bool:
    """Tell an entry that is no data from one that is.

    Args:
        name (str): Of a file or folder, without its path.

    Returns:
        bool: True for hidden entries and for those that systems make.
    """
    return name.startswith('.') or name.lower() in _SYSTEM


def data_folders(folder: str | Path) -> list[str]:
    """List the folders in a folder, such as those of the classes.

    Args:
        folder (str | Path): Need not exist.

    Returns:
        list[str]: Their names, sorted; without hidden and system entries.
    """
    if not os.path.isdir(folder):
        return []
    with os.scandir(folder) as entries:
        return sorted(e.name for e in entries if e.is_dir() and not is_system(e.name))


def image_files(folder: str | Path) -> list[str]:
    """List the images in a folder and in the folders below it, as torchvision and mmpretrain do.

    Args:
        folder (str | Path): Links to other folders are followed, but for those to a folder that
            they lie in.

    Returns:
        list[str]: Paths below the folder, with ``/``, sorted; without hidden and system entries.
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
    """Tell a link to a folder that it lies in: following it would never end."""
    path = os.path.join(here, name)
    return os.path.islink(path) and Path(os.path.realpath(here)).is_relative_to(
        os.path.realpath(path)
    )
