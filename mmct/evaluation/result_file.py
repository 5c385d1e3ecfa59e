"""Result files: one for each scored network."""

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from mmct.version import __version__

from .error_table import Reference
from .predictions import integers, pack, unpack, unpack_predictions
from .summary import LEVEL, RESAMPLES, SEED, summarise_cells, unpack_hits

SCHEMA, SCHEMA_VERSION = 'mmct-scorecard', 2

# What the first version did not have.
_SINCE_2 = dict(labels=None, classes=None)


def make_result(
    *,
    name: str,
    model: Mapping[str, Any],
    data: Mapping[str, Any],
    clean: Mapping[str, Any] | None,
    cells: Sequence[Mapping[str, Any]],
    examples: Sequence[Mapping[str, Any]] = (),
    labels: np.ndarray | None = None,
    classes: Sequence[str] | None = None,
    reference: Reference | None = None,
    level: float = LEVEL,
    resamples: int = RESAMPLES,
    seed: int = SEED,
) -> dict[str, Any]:
    """Make a result; docs/evaluation.md has its schema.

    Args:
        name (str): Of the run, for tables.
        model (Mapping): Config, checkpoint and digest of the weights.
        data (Mapping): What the data set says of itself.
        clean (Mapping, optional): The cell of the clean images.
        cells (Sequence[Mapping]): Those of :func:`cell_score`.
        examples (Sequence[Mapping]): Pictures. Defaults to none.
        labels (np.ndarray, optional): The classes of the images; predictions need them. int (N,)
        classes (Sequence[str], optional): Their names, by number.
        reference (Reference, optional): What to normalise by.
        level (float): Of the intervals. Defaults to 0.95.
        resamples (int): Of the bootstrap. Defaults to 10,000.
        seed (int): Of the bootstrap. Defaults to 0.

    Returns:
        dict: JSON-able.

    Raises:
        ValueError: If the cells do not make a table, or not the reference's.
    """
    return dict(
        schema=SCHEMA,
        schema_version=SCHEMA_VERSION,
        name=name,
        mmct_version=__version__,
        model=dict(model),
        data=dict(data),
        labels=None if labels is None else pack(labels.astype(integers(data['num_classes']))),
        classes=None if classes is None else [str(name) for name in classes],
        clean=None if clean is None else dict(clean),
        cells=[dict(cell) for cell in cells],
        examples=[dict(example) for example in examples],
        summary=summarise_cells(data, clean, cells, reference, level, resamples, seed),
    )


def read_result(path: str | Path) -> dict[str, Any]:
    """Read a result file, and check that it is whole and says the truth.

    Args:
        path (str | Path): A JSON file.

    Returns:
        dict: The result.

    Raises:
        ValueError: If it is no result, of another version of the schema, not
            finished, or its summary does not follow from its cells.
        FileNotFoundError: If there is no such file.
    """
    from mmct.records import check, read_record

    from .result_shape import Head, Result

    path = Path(path)
    if path.suffix == '.partial':
        raise ValueError(f'{path} is not finished: start its evaluation again, it goes on')
    if not path.is_file():
        raise FileNotFoundError(f'there is no result file {path}')
    try:
        result = read_record(path, Head)
    except ValueError as error:
        raise ValueError(f'{path} is no result of a scorecard: {error}') from error
    if result['schema'] != SCHEMA:
        raise ValueError(f'{path} is no result of a scorecard, but of {result["schema"]!r}')
    if result['schema_version'] == 1:
        result = {**result, **_SINCE_2}
    elif result['schema_version'] != SCHEMA_VERSION:
        raise ValueError(
            f'{path} has schema version {result["schema_version"]}, this mmct reads 1 '
            f'and {SCHEMA_VERSION}: score again, or read it with mmct {result["mmct_version"]}'
        )
    try:
        check(result, Result)
        _check_summary(result)
    except ValueError as error:
        raise ValueError(f'{path} is damaged or was edited: {error}') from error
    return result


def labels_of(result: Mapping[str, Any]) -> np.ndarray | None:
    """Read the classes of a result's images.

    Args:
        result (Mapping): Of a result file.

    Returns:
        np.ndarray | None: int64 (N,). None if the file does not have them, as older ones.

    Raises:
        ValueError: If they are damaged.
    """
    packed, data = result['labels'], result['data']
    if packed is None:
        return None
    classes = data['num_classes']
    try:
        labels = unpack(packed, integers(classes), data['images']).astype(np.int64)
    except ValueError as error:
        raise ValueError(f'the labels are damaged: {error}') from error
    if labels.max() >= classes:
        raise ValueError(f'the labels are not all of the {classes} classes')
    return labels


def reference_of(summary: Mapping[str, Any]) -> Reference | None:
    """Return the reference that a summary was normalised by.

    Args:
        summary (Mapping): Of a result.

    Returns:
        Reference | None: None if it was not normalised.
    """
    found = summary['normalised']
    if found is None:
        return None
    return Reference(found['reference'], found['reference_pct'], found['reference_clean_pct'])


def check_cells(cells: Iterable[Mapping[str, Any]], images: int) -> None:
    """Refuse cells that contradict themselves or each other.

    Args:
        cells (Iterable[Mapping]): Of the shape that :func:`cell_score` gives.
        images (int): How many each must have.

    Raises:
        ValueError: If one is there twice, has another number of images, or other
            hits than errors.
    """
    seen = set()
    for cell in cells:
        key = cell['corruption'], cell['severity']
        if key in seen:
            raise ValueError('{} at severity {} is there twice'.format(*key))
        seen.add(key)
        if cell['images'] != images:
            raise ValueError('not all cells have the same number of images')
        unpack_hits(cell)


def _check_summary(result: dict[str, Any]) -> None:
    clean, cells, summary = result['clean'], result['cells'], result['summary']
    every = cells + ([clean] if clean is not None else [])
    check_cells(every, result['data']['images'])
    _check_predictions(every, labels_of(result))
    reference, draws = reference_of(summary), summary['bootstrap']
    draws = {key: draws[key] for key in ('level', 'resamples', 'seed')}
    again = summarise_cells(result['data'], clean, cells, reference, **draws)
    if reference is not None and again['normalised']['relative_mce_pct'] is None:
        # Earlier versions divided by less than `LEAST_DEGRADATION`, too.
        summary['normalised']['relative_mce_pct'] = None
    key = _difference(json.loads(json.dumps(again)), summary)
    if key:
        raise ValueError(f'summary.{key} does not follow from the cells')


def _check_predictions(cells: Sequence[Mapping[str, Any]], labels: np.ndarray | None) -> None:
    for cell in cells:
        found = unpack_predictions(cell)
        if found is None:
            continue
        if labels is None or (found.hits(labels) != unpack_hits(cell)).any():
            what = f'{cell["corruption"] or "clean"} at severity {cell["severity"]}'
            raise ValueError(f'predictions, labels and hits of {what} do not fit together')


def _difference(one: Any, other: Any) -> str:
    """Return the first key in which two values differ by more than rounding; '' if none."""
    if isinstance(one, dict) and isinstance(other, dict):
        if one.keys() != other.keys():
            return min(one.keys() ^ other.keys())
        found = (
            (key, (_drawn if key.endswith('interval_pct') else _difference)(one[key], other[key]))
            for key in one
        )
        return next((f'{key}.{rest}'.rstrip('.') for key, rest in found if rest), '')
    if isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        return next((d for d in map(_difference, one, other) if d), '')
    if isinstance(one, float) and isinstance(other, (int, float)):
        return '' if math.isclose(one, other, abs_tol=1e-6) else '.'
    return '' if one == other else '.'


def _drawn(one: list[float] | None, other: list[float] | None) -> str:
    """Compare intervals, which another version of NumPy may draw otherwise."""
    if one is None or other is None:
        return _difference(one, other)
    slack = max(1e-6, 0.25 * (one[1] - one[0]))
    near = all(abs(a - b) <= slack for a, b in zip(one, other, strict=True))
    return '' if near else '.'
