"""Marks of data sets: two sets with the same content train the same weights."""

import hashlib
import json
import os
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from .errors import CTError
from .files import write_json


def data_mark(dataset: Any, cache: Path | None = None) -> dict[str, Any]:
    """Sum up a data set, wherever it lies.

    Arrays count by their content; image files by their names below the folder that holds all
    of them, their sizes and labels. The sizes of a million files take a while: a mark is looked
    up in the cache as long as no file came, went or got another name.

    Args:
        dataset: One of mmengine's, or a wrapper of such; of any other only size and classes
            are known.
        cache (Path, optional): A JSON file that is made, or read. Defaults to None.

    Returns:
        dict[str, Any]: ``num_images``, ``classes``, and ``content``, SHA-256 in hexadecimal or
        None.
    """
    classes = getattr(dataset, 'metainfo', {}).get('classes')
    mark = dict(num_images=len(dataset), classes=None if classes is None else list(classes))
    if not hasattr(dataset, 'get_data_info'):
        return dict(mark, content=None)
    names, files = hashlib.sha256(), []
    for index in range(len(dataset)):
        item = dataset.get_data_info(index)
        path = item.get('img_path')
        if path is not None:
            files.append(str(path))
        names.update(_bytes({k: v for k, v in item.items() if k not in ('img_path', 'sample_idx')}))
    if not files:
        return dict(mark, content=names.hexdigest())
    root = os.path.commonpath([os.path.dirname(path) for path in files])
    for path in files:
        names.update(os.path.relpath(path, root).encode(errors='surrogateescape') + b'\0')
    return dict(mark, content=_with_sizes(names.hexdigest(), files, cache))


def data_cache(work_dir: str | Path) -> Path:
    """Name the cache of a run's data mark.

    Args:
        work_dir (str | Path): The run's folder.
    """
    return Path(work_dir) / 'data.json'


def _with_sizes(names: str, files: list[str], cache: Path | None) -> str:
    """The mark of files whose names are known; their sizes may be known, too."""
    folders = sorted({os.path.dirname(file) for file in files})
    key = _digest(names, *((folder, _changed(folder)) for folder in folders))
    known = _read(cache)
    if not isinstance(known.get(key), str):
        known[key] = _digest(names, *map(_size, files))
        # A start that is refused makes no folder; a cache that cannot be kept stops none.
        if cache is not None and cache.parent.is_dir():
            with suppress(CTError):
                write_json(cache, known)
    return known[key]


def _digest(*parts: Any) -> str:
    return hashlib.sha256(repr(parts).encode()).hexdigest()


def _bytes(item: Mapping[str, Any]) -> bytes:
    parts: Iterable[tuple[str, Any]] = sorted(item.items())
    return b'\0'.join(
        name.encode() + (value.tobytes() if isinstance(value, np.ndarray) else repr(value).encode())
        for name, value in parts
    )


def _changed(folder: str) -> int | None:
    try:
        return os.stat(folder).st_mtime_ns
    except OSError:
        return None


def _size(file: str) -> int | None:
    # Images may be elsewhere than on this machine.
    try:
        return os.stat(file).st_size
    except OSError:
        return None


def _read(cache: Path | None) -> dict[str, str]:
    """Read what was found before; nothing from a file that is damaged."""
    try:
        known = json.loads(cache.read_text(encoding='utf-8')) if cache is not None else {}
    except (OSError, ValueError, RecursionError):
        return {}
    return known if isinstance(known, dict) else {}
