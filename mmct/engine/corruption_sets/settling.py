"""What the images decide: the table of severities, and the layout."""

from pathlib import Path
from typing import Any

from ..errors import CTError
from .arrays import Arrays
from .folders import Folders, check_names, class_folders
from .layout import Layout
from .recipe import Recipe, part_size, table_for
from .request import Request
from .scan import Scan
from .source import Source

# From here on an array of a corruption would be too large to be handy.
_FOLDERS_FROM = 128
KINDS: dict[str, type[Layout]] = dict(arrays=Arrays, folders=Folders)


def settle(request: Request, scan: Scan, earlier: dict[str, Any] | None) -> dict[str, Any]:
    """Choose what the user left open.

    Args:
        request (Request): What the user asks for.
        scan (Scan): Of the images.
        earlier (dict, optional): The manifest of an earlier run.

    Returns:
        dict: For the manifest.

    Raises:
        CTError: If it cannot be chosen, or not had.
    """
    earlier = earlier or {}
    layout = request.layout or earlier.get('layout')
    if layout is None:
        one_size = len(scan.sizes) == 1
        small = all(max(size) < _FOLDERS_FROM for size in scan.sizes)
        layout = 'arrays' if one_size and small else 'folders'
    if layout == 'arrays' and len(scan.sizes) > 1:
        (low, high) = (f'{h} x {w}' for h, w in (min(scan.sizes), max(scan.sizes)))
        raise CTError(
            f'--layout arrays needs images of one size, but these have from {low} to {high} '
            'px: choose --layout folders, or resize them in the pipeline'
        )
    table = table_for(scan, request.table or earlier.get('table'))
    return dict(scan=scan.summary(), table=table, layout=layout)


def build_layout(
    request: Request, work: Path, source: Source, scan: Scan, settled: dict[str, Any]
) -> Layout:
    """Build the layout that was settled.

    Args:
        request (Request): What the user asks for.
        work (Path): The folder for unfinished work.
        source (Source): The data set.
        scan (Scan): Of its images.
        settled (dict): By :func:`settle`.

    Raises:
        CTError: If two images would have the same name.
    """
    recipe = Recipe(request.severities, request.seed, settled['table'])
    if settled['layout'] == 'arrays':
        (size,) = scan.sizes
        return Arrays(request.out, work, recipe, len(scan.indices), size, part_size(scan))
    check_names(source, scan.indices, scan.names)
    return Folders(request.out, work, recipe, class_folders(source, scan.labels))
