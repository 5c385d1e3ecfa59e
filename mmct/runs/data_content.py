"""Summarise data sets by their content: sets with the same content train the same weights."""

import hashlib
import json
import os
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np

from .errors import CTError
from .files import write_json

_PART = 2000  # files whose sizes a thread reads in turn


def data_mark(dataset: Any, cache: Path | None = None) -> dict[str, Any]:
    """Summarise the content of a data set, independently of its place.

    Arrays count by their content. Image files count by their names relative to their common
    folder, their sizes and labels. Reading the sizes of a million files takes a while, so the
    result is cached as long as no file is added, removed or renamed.

    Args:
        dataset (Any): A data set of mmengine or a wrapper of one; other data sets give only
            size and classes.
        cache (Path, optional): A JSON file to write and read. Defaults to None: no cache.

    Returns:
        dict[str, Any]: ``num_images``, ``classes``, and ``content``, a SHA-256 in hexadecimal
        or None.
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
    places = files
    if len({os.path.isabs(path) for path in files}) > 1:
        places = [os.path.abspath(path) for path in files]
    root = os.path.commonpath([os.path.dirname(path) for path in places])
    for path in places:
        names.update(os.path.relpath(path, root).encode(errors='surrogateescape') + b'\0')
    return dict(mark, content=_with_sizes(names.hexdigest(), files, cache))


def data_cache(work_dir: str | Path) -> Path:
    """Return the cache file of a run for :func:`data_mark`.

    Args:
        work_dir (str | Path): The folder of the run.

    Returns:
        Path: The file.
    """
    return Path(work_dir) / 'data.json'


def _with_sizes(names: str, files: list[str], cache: Path | None) -> str:
    """Compute the hash of files from names and sizes, which the cache may contain."""
    folders = sorted({os.path.dirname(file) for file in files})
    key = _digest(names, *((folder, _changed(folder)) for folder in folders))
    known = _read(cache)
    if not isinstance(known.get(key), str):
        # On a network disk each size takes a while, and other ranks wait.
        parts = [files[start:start + _PART] for start in range(0, len(files), _PART)]
        with ThreadPoolExecutor(16) as pool:
            sizes = pool.map(lambda part: [_size(file) for file in part], parts)
            known[key] = _digest(names, *chain.from_iterable(sizes))
        # A refused start makes no folder, and a cache that cannot be written stops no run.
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
    # Images may not be on this machine.
    try:
        return os.stat(file).st_size
    except OSError:
        return None


def _read(cache: Path | None) -> dict[str, str]:
    """Read the cache; a damaged file counts as empty."""
    try:
        known = json.loads(cache.read_text(encoding='utf-8')) if cache is not None else {}
    except (OSError, ValueError, RecursionError):
        return {}
    return known if isinstance(known, dict) else {}
