"""Images, classes, domains and splits that a table names, in place of folders."""

import csv
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from mmct.messages import suggestion

COLUMNS = ('path', 'label', 'domain', 'split')
"""What a table may say of an image; ``path`` it must."""

SPLITS = {
    **dict.fromkeys(('training', 'train'), 'training'),
    **dict.fromkeys(('holdout', 'val', 'valid', 'validation', 'crossval'), 'holdout'),
    'test': 'test',
}
"""The part of its domain that an image is in, by what may stand in ``split``."""


class ListedImage(NamedTuple):
    """An image as a table has it.

    Attributes:
        path (Path): Its file.
        label (str): Its class, a name or a number.
        domain (str): Its domain's name.
        part (str, optional): 'training', 'holdout' or 'test'; None if the table has no splits.
    """

    path: Path
    label: str
    domain: str
    part: str | None


def read_domain_list(
    file: Path, root: Path, columns: Mapping[str, str] | None = None
) -> list[ListedImage]:
    """Read a table of images: CSV, or text with tabs, semicolons or spaces, with a head.

    Args:
        file (Path): The table.
        root (Path): What paths are relative to.
        columns (Mapping[str, str], optional): What the table calls its columns, by
            :data:`COLUMNS`. Defaults to None, the same. Without a column of labels or
            domains, paths are ``<domain>/<class>/*``.

    Returns:
        list[ListedImage]: In the table's order.

    Raises:
        FileNotFoundError: If the table, or an image, is not there; names it.
        ValueError: If the table cannot be read so; names the line.
    """
    if not file.is_file():
        raise FileNotFoundError(f'there is no list of images {file}')
    columns = {name: (columns or {}).get(name, name) for name in COLUMNS}
    try:
        with file.open(newline='', encoding='utf-8-sig') as text:
            head = text.readline()
            delimiter = next((sign for sign in '\t,;' if sign in head), ' ')
            text.seek(0)
            reader = csv.DictReader(text, delimiter=delimiter, skipinitialspace=True)
            _check_head(file, reader.fieldnames or [], columns)
            images = [
                _image(f'{file}, line {reader.line_num}', row, root, columns) for row in reader
            ]
    except (UnicodeDecodeError, csv.Error) as error:
        raise ValueError(f'{file} is no table of images: {error}') from error
    if not images:
        raise ValueError(f'{file} lists no images')
    _check_paths(file, [image.path for image in images])
    return images


def number_labels(labels: Iterable[str], classes: Sequence[str] | None) -> dict[str, int]:
    """Number the classes of a table.

    Args:
        labels (Iterable[str]): All that occur.
        classes (Sequence[str], optional): The names of the classes, where they are known.
            Then labels are these names, or numbers from 0. Defaults to None: the
            labels are the names, in their order.

    Returns:
        dict[str, int]: By label.

    Raises:
        ValueError: If a label is none of the classes.
    """
    labels = set(labels)
    numbers = all(label.isdecimal() for label in labels)
    if not classes:
        ordered = sorted(labels, key=int) if numbers else sorted(labels)
        return {label: number for number, label in enumerate(ordered)}
    if numbers and not labels & set(classes):
        known = {label: int(label) for label in labels}
    else:
        known = {name: number for number, name in enumerate(classes)}
    for label in sorted(labels):
        if known.get(label, len(classes)) >= len(classes):
            raise ValueError(
                f'the list of images has class {label}, which is none of the {len(classes)} '
                f'classes: {suggestion(label, classes)}'
            )
    return {label: known[label] for label in labels}


def _check_head(file: Path, head: Sequence[str], columns: Mapping[str, str]) -> None:
    needed = ['path', *(name for name in COLUMNS if columns[name] != name)]
    for name in needed:
        if columns[name] not in head:
            raise ValueError(
                f'{file} has no column {columns[name]!r} in its first line, but '
                f'{", ".join(map(str, head))}: say what it is called, as in '
                f"columns=dict({name}='...')"
            )


def _image(
    where: str, row: Mapping[str, str | None], root: Path, columns: Mapping[str, str]
) -> ListedImage:
    values = {name: row[column] for name, column in columns.items() if column in row}
    for name, value in values.items():
        if not value:
            raise ValueError(f'{where}: there is no {columns[name]}')
    path = Path(values['path'])
    if not {'label', 'domain'} <= values.keys() and len(path.parts) < 3:
        raise ValueError(
            f'{where}: without columns label and domain a path must be <domain>/<class>/*, but '
            f'is {path}'
        )
    split = values.get('split')
    if split is not None and split.lower() not in SPLITS:
        raise ValueError(f'{where}: {columns["split"]} is {split}: {suggestion(split, SPLITS)}')
    return ListedImage(
        root / path,
        values.get('label') or path.parts[1],
        values.get('domain') or path.parts[0],
        None if split is None else SPLITS[split.lower()],
    )


def _check_paths(file: Path, paths: Sequence[Path]) -> None:
    """Refuse images that are not there, or twice: they might be trained on and held out."""
    seen: set[Path] = set()
    for path in paths:
        if path in seen:
            raise ValueError(f'{file} lists {path} twice')
        seen.add(path)
    missing = [path for path in paths if not path.is_file()]
    if missing:
        raise FileNotFoundError(
            f'{file} lists {len(missing)} of {len(paths)} images that are not there, such as '
            f'{missing[0]}'
        )
