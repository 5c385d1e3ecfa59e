"""What the corruption sets on disk have in common."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from ..corruptions import SEVERITIES


def read_manifest(folder: Path) -> dict[str, Any] | None:
    """What ``tools/make_corruptions.py`` wrote beside the images.

    Args:
        folder (Path): The set's.

    Returns:
        dict: The manifest; None where there is none, as in released sets.

    Raises:
        ValueError: If it is damaged.
    """
    file = folder / 'manifest.json'
    if not file.is_file():
        return None
    try:
        manifest = json.loads(file.read_text(encoding='utf-8'))
        _ = manifest['label'], manifest['severities'], manifest['corruptions']
        _ = manifest['seed'], manifest['table'], manifest['source']['classes']
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(f'{file} is damaged ({error}): make the set again') from error
    return manifest


def origin(manifest: dict[str, Any] | None) -> dict[str, Any]:
    """Where a set is from, for its description.

    Args:
        manifest (dict, optional): The set's.

    Returns:
        dict: ``source``; of a generated one also ``seed`` and ``table``.
    """
    if manifest is None:
        return dict(source='released')
    return dict(source=manifest['label'], seed=manifest['seed'], table=manifest['table'])


def severities_of(manifest: dict[str, Any] | None) -> list[int]:
    """The severities that a set has.

    Args:
        manifest (dict, optional): The set's.
    """
    return list(SEVERITIES if manifest is None else manifest['severities'])


def choose_severities(asked: Sequence[int] | None, there: Sequence[int], root: Path) -> list[int]:
    """The severities to read.

    Args:
        asked (Sequence[int], optional): What the user wants; None: all.
        there (Sequence[int]): What the set has.
        root (Path): The set's folder, for the message.

    Raises:
        ValueError: If the set lacks one.
    """
    missing = sorted(set(asked or ()) - set(there))
    if missing:
        raise ValueError(f'{root} has the severities {list(there)}, but not {missing}')
    return list(there if asked is None else asked)


def choose_corruptions(
    asked: Sequence[str] | None,
    categories: dict[str, Sequence[str]],
    has: Callable[[str], bool],
) -> list[str]:
    """The corruptions to read: those asked for, else all of the benchmark.

    The extra ones are released apart: they are read if all are there.

    Args:
        asked (Sequence[str], optional): What the user wants.
        categories (dict): The names of each kind.
        has (Callable): Whether the set has a corruption.
    """
    if asked is not None:
        return list(asked)
    extra = list(categories.get('extra', ()))
    names = [name for kind, each in categories.items() if kind != 'extra' for name in each]
    return names + (extra if any(has(name) for name in extra) else [])
