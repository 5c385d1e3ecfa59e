"""Keep the manifest of a set: its source and settings, which protect a folder from mixed sets."""

import hashlib
import platform
import re
from importlib import metadata
from pathlib import Path
from typing import Any, Literal

import cv2

import mmct.corruptions
from mmct.corruptions import C_BAR_SETS, CORRUPTIONS
from mmct.datasets.manifest import Manifest
from mmct.folders import is_system
from mmct.messages import without_address
from mmct.records import Record, read_record
from mmct.runs.errors import CTError
from mmct.runs.files import write_json
from mmct.runs.identity import differences, in_short
from mmct.version import __version__

from .source import Source, SourceConfig

FILE = 'manifest.json'
# The folder of unfinished work, and the file in it with the results of the first pass.
WORK, SCAN = '.making', 'scan.npz'
LABEL = 'generated'
# The last one provides the textures of frost.
_PACKAGES = ('numpy', 'scipy', 'numba', 'pillow', 'imagecorruptions-imaug')
# Anyone who finds a folder of such a name would take its content for the released set.
_RELEASED = {'cifar10c', 'cifar100c', 'imagenetc', 'tinyimagenetc', *C_BAR_SETS}


class _Skipped(Record):
    images: list[dict]


class _Scan(Record):
    skipped: _Skipped


class _Unfinished(Manifest):
    """The keys needed to continue a set."""

    label: Literal[LABEL]
    layout: Literal['arrays', 'folders']
    scan: _Scan


def check_name(out: Path) -> None:
    """Refuse a folder with the name of a published set.

    Args:
        out (Path): The folder.

    Raises:
        CTError: If the folder has such a name; the message proposes another.
    """
    name = out.resolve().name
    if re.sub('[^a-z0-9]', '', name.lower()) in _RELEASED:
        raise CTError(
            f'{name} is the name of a released set, and scores on a generated set differ '
            f'from those: take another folder, such as {out}-generated'
        )


def describe(source: Source, config: SourceConfig) -> dict[str, Any]:
    """Describe a data set before its images are read.

    Args:
        source (Source): The data set.
        config (SourceConfig): The config that it was built from.

    Returns:
        dict: The config, number of images and classes, ready for JSON.
    """
    return dict(dataset=_plain(config.dataset), dataset_images=len(source), classes=source.classes)


def versions() -> dict[str, str]:
    """List the versions of all packages that the pixels depend on."""
    found = {name: metadata.version(name) for name in _PACKAGES}
    own = dict(mmct=__version__, code_sha256=_code_digest())
    return own | dict(python=platform.python_version(), opencv=cv2.__version__) | found


def read(out: Path) -> dict[str, Any] | None:
    """Read a folder's manifest.

    Args:
        out (Path): The folder.

    Returns:
        dict: The manifest, or None if the folder is empty or missing.

    Raises:
        CTError: If the folder holds anything else.
    """
    file = out / FILE
    if not file.exists():
        # Leftovers of our own runs are hidden files, too.
        if out.exists() and not (out.is_dir() and all(is_system(p.name) for p in out.iterdir())):
            raise CTError(
                f'{out} holds files but no {FILE} of a corruption set: take another folder'
            )
        return None
    try:
        return read_record(file, _Unfinished)
    except ValueError as error:
        raise CTError(
            f'{file} is not the manifest of a generated corruption set ({error}): take another '
            'folder'
        ) from error


def check_same(old: dict[str, Any], new: dict[str, Any], out: Path) -> None:
    """Refuse to mix two sets in one folder.

    Args:
        old (dict): The manifest of the folder.
        new (dict): The known settings of the requested set; keys that it lacks
            are not compared.
        out (Path): The folder.

    Raises:
        CTError: If settings differ; the message names them.
    """
    new = _plain(new)
    found = {key: value for key, value in old.items() if key in new}
    ours, theirs = (dict(_flat('', value)) for value in (found, new))
    changed = differences(ours, theirs)
    if changed:
        raise CTError(
            f'{out} holds a set with other settings ({in_short(changed)}): take another '
            'folder for this one'
        )


def check_own(manifest: dict[str, Any], own: dict[str, str], out: Path) -> None:
    """Refuse to continue a set if one of the user's own corruptions has changed.

    Args:
        manifest (dict): The manifest of the folder.
        own (dict): The current result of :func:`mmct.corruptions.identities`.
        out (Path): The folder.

    Raises:
        CTError: If a name stands for another function now; the message names both.
    """
    for name, what in own.items():
        made = manifest.get('own', {}).get(name, what)
        places = out / WORK / name, out / name  # in the latter just before the manifest says so
        begun = name in manifest['corruptions'] or any(place.exists() for place in places)
        if made != what and begun:
            raise CTError(
                f'{out} has {name} made by {made}, but it is {what} now: take another folder'
            )


def write(out: Path, manifest: dict[str, Any]) -> None:
    """Write a manifest atomically.

    Args:
        out (Path): The folder.
        manifest (dict): The manifest; its corruptions are sorted into their
            usual order, whatever the order in which they were made.
    """
    done = manifest['corruptions']
    names = [*CORRUPTIONS, *sorted(set(done) - set(CORRUPTIONS))]
    ordered = {name: done[name] for name in names if name in done}
    write_json(out / FILE, {**manifest, 'corruptions': ordered})


def _code_digest() -> str:
    """Hash the code of the corruptions, since a checkout can change without a new version."""
    digest = hashlib.sha256()
    for file in sorted(Path(mmct.corruptions.__file__).parent.glob('*.py')):
        digest.update(file.read_bytes())
    return digest.hexdigest()


def _plain(value: Any) -> Any:
    """Convert to what JSON gives back, without the keys that mmengine adds to configs."""
    if isinstance(value, dict):
        return {str(k): _plain(v) for k, v in value.items() if k != '_scope_'}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, type):
        return value.__name__
    return without_address(repr(value))


def _flat(prefix: str, value: Any) -> Any:
    items = value.items() if isinstance(value, dict) else enumerate(value)
    for key, item in items:
        name = f'{prefix}.{key}' if prefix else str(key)
        if isinstance(item, (dict, list)) and item:
            yield from _flat(name, item)
        else:
            yield name, item
