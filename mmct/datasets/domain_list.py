"""Read images, classes, domains and splits from a table, in place of folders."""

import csv
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from mmct.messages import require, suggestion

COLUMNS = ('path', 'label', 'domain', 'split')
"""The columns of a table of images; only ``path`` is required."""

SPLITS = {
    **dict.fromkeys(('training', 'train'), 'training'),
    **dict.fromkeys(('holdout', 'val', 'valid', 'validation', 'crossval'), 'holdout'),
    'test': 'test',
}
"""The allowed values of ``split``, with the part of the domain that each stands for."""

PARTS = tuple(dict.fromkeys(SPLITS.values()))
"""The parts of a domain: 'training', 'holdout' and 'test'."""


class ListedImage(NamedTuple):
    """An entry of a table of images.

    Attributes:
        path (Path): The file.
        label (str): The class, a name or a number.
        domain (str): The name of the domain.
        part (str, optional): 'training', 'holdout' or 'test'; '' if it is in no part, and None if
            the table has no splits.
    """

    path: Path
    label: str
    domain: str
    part: str | None


def read_domain_list(
    file: Path,
    root: Path,
    columns: Mapping[str, str] | None = None,
    splits: Mapping[str, str] | None = None,
) -> list[ListedImage]:
    """Read a table of images.

    The table is text with a header line, with columns separated by commas, tabs,
    semicolons or spaces. Without a column of labels or domains, paths must be
    ``<domain>/<class>/*``.

    Args:
        file (Path): The table.
        root (Path): The folder to which paths are relative.
        columns (Mapping[str, str], optional): The table's names for the columns in
            :data:`COLUMNS`. Defaults to None: the same names.
        splits (Mapping[str, str], optional): The part, 'training', 'holdout' or 'test', of
            each of the table's values of ``split``; images with other values belong to
            no part. Defaults to None: the values in :data:`SPLITS`, and no others.

    Returns:
        list[ListedImage]: The images in the order of the table.

    Raises:
        FileNotFoundError: If the table or an image is missing; the message names it.
        ValueError: If the table has another format; the message names the line.
    """
    if not file.is_file():
        raise FileNotFoundError(f'there is no list of images {file}')
    for name in columns or ():
        require(name in COLUMNS, f'columns: each must be one of {COLUMNS}', name)
    columns = {name: (columns or {}).get(name, name) for name in COLUMNS}
    for value, part in (splits or {}).items():
        rule = f'splits: {value!r} must be a text, and stand for one of {PARTS}'
        require(isinstance(value, str) and part in PARTS, rule, part)
    try:
        with file.open(newline='', encoding='utf-8-sig') as text:
            head = text.readline()
            delimiter = next((sign for sign in '\t,;' if sign in head), ' ')
            text.seek(0)
            reader = csv.DictReader(text, delimiter=delimiter, skipinitialspace=True)
            _check_head(file, reader.fieldnames or [], columns, splits)
            images = [
                _image(f'{file}, line {reader.line_num}', row, root, columns, splits)
                for row in reader
            ]
    except (UnicodeDecodeError, csv.Error) as error:
        raise ValueError(f'{file} is not a table of images: {error}') from error
    if not images:
        raise ValueError(f'{file} lists no images')
    _check_paths(file, [image.path for image in images])
    return images


def number_labels(labels: Iterable[str], classes: Sequence[str] | None) -> dict[str, int]:
    """Number the classes of a table.

    Args:
        labels (Iterable[str]): All labels in the table.
        classes (Sequence[str], optional): The known names of the classes; labels must
            be these names, or numbers from 0. Defaults to None: the sorted labels are
            the classes.

    Returns:
        dict[str, int]: The number of each label.

    Raises:
        ValueError: If a label is not among the classes.
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
                f'the list of images has class {label}, which is not one of the {len(classes)} '
                f'classes: {suggestion(label, classes)}'
            )
    return {label: known[label] for label in labels}


def _check_head(
    file: Path,
    head: Sequence[str],
    columns: Mapping[str, str],
    splits: Mapping[str, str] | None,
) -> None:
    needed = ['path', *(name for name in COLUMNS if columns[name] != name)]
    needed += [] if splits is None else ['split']
    for name in needed:
        if columns[name] not in head:
            raise ValueError(
                f'{file} has no column {columns[name]!r}; its first line has '
                f'{", ".join(map(str, head))}: name the column, as in '
                f"columns=dict({name}='...')"
            )
    for name in columns.values():
        if head.count(name) > 1:
            raise ValueError(f'{file} has {head.count(name)} columns {name!r}: rename all but one')


def _image(
    where: str,
    row: Mapping[str, str | None],
    root: Path,
    columns: Mapping[str, str],
    splits: Mapping[str, str] | None,
) -> ListedImage:
    if any(row.get(None, ())):
        raise ValueError(
            f'{where} has more values than the first line has names: put a value with a separator '
            'in it in double quotes'
        )
    values = {name: row[column] for name, column in columns.items() if column in row}
    for name, value in values.items():
        if not value:
            raise ValueError(f'{where}: {columns[name]} is empty')
    path = Path(values['path'])
    if path.is_absolute() and path.is_relative_to(root.absolute()):
        path = path.relative_to(root.absolute())
    by_path = len(path.parts) >= 3 and not path.is_absolute()
    if not {'label', 'domain'} <= values.keys() and not by_path:
        raise ValueError(
            f'{where}: without columns label and domain a path must be <domain>/<class>/* in '
            f'{root}, but it is {path}'
        )
    split = values.get('split')
    if split is not None and splits is None and split.lower() not in SPLITS:
        raise ValueError(
            f'{where}: {columns["split"]} is {split}: {suggestion(split, SPLITS)}, or say with '
            f"splits={{{split!r}: 'training'}} which part it is"
        )
    part = None
    if split is not None:
        part = SPLITS[split.lower()] if splits is None else splits.get(split, '')
    return ListedImage(
        root / path,
        values.get('label') or path.parts[1],
        values.get('domain') or path.parts[0],
        part,
    )


def _check_paths(file: Path, paths: Sequence[Path]) -> None:
    """Refuse missing images, and duplicates, which might be both trained on and held out."""
    seen: set[Path] = set()
    for path in paths:
        if path in seen:
            raise ValueError(f'{file} lists {path} twice')
        seen.add(path)
    missing = [path for path in paths if not path.is_file()]
    if missing:
        raise FileNotFoundError(
            f'{len(missing)} of the {len(paths)} images in {file} do not exist, such as '
            f'{missing[0]}'
        )
