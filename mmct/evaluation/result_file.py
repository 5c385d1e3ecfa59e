"""Make and read result files, one for each scored network."""

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from mmct.messages import absent
from mmct.version import __version__

from .error_table import Reference
from .predictions import integers, pack, unpack, unpack_predictions
from .summary import LEVEL, RESAMPLES, SEED, summarise_cells, unpack_hits

SCHEMA, SCHEMA_VERSION = 'mmct-scorecard', 2

# Keys that the first version of the schema did not have.
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
    """Make the content of a result file; docs/reference/evaluation.md has its schema.

    Args:
        name (str): Name of the run in tables.
        model (Mapping): Config, checkpoint and digest of the weights.
        data (Mapping): The description of the data set.
        clean (Mapping, optional): The cell of the clean images.
        cells (Sequence[Mapping]): The cells, as :func:`cell_score` returns them.
        examples (Sequence[Mapping]): Pictures. Defaults to none.
        labels (np.ndarray, optional): Labels of the images; predictions need them. Defaults to
            None. int (N,)
        classes (Sequence[str], optional): Names of the classes by number. Defaults to None.
        reference (Reference, optional): The reference to normalise by. Defaults to None.
        level (float): Level of the intervals. Defaults to 0.95.
        resamples (int): Number of bootstrap draws. Defaults to 10,000.
        seed (int): Seed of the bootstrap. Defaults to 0.

    Returns:
        dict: The content, which JSON can hold.

    Raises:
        ValueError: If corruptions have different severities, or the reference lacks some.
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
    """Read a result file, and check that it is complete and consistent.

    Args:
        path (str | Path): A JSON file.

    Returns:
        dict: The result.

    Raises:
        ValueError: If the file is not a result, has another schema version, is
            unfinished, or its summary does not follow from its cells.
        FileNotFoundError: If the file does not exist.
    """
    from mmct.records import check, read_record

    from .result_shape import Head, Result

    path = Path(path)
    if path.suffix == '.partial':
        raise ValueError(f'{path} is not finished: run its evaluation again to continue it')
    if not path.is_file():
        raise FileNotFoundError(f'result file {absent(path)}')
    try:
        result = read_record(path, Head)
    except ValueError as error:
        raise ValueError(f'{path} is not a scorecard result: {error}') from error
    if result['schema'] != SCHEMA:
        raise ValueError(f'{path} is not a scorecard result, but has schema {result["schema"]!r}')
    if result['schema_version'] == 1:
        result = {**result, **_SINCE_2}
    elif result['schema_version'] != SCHEMA_VERSION:
        raise ValueError(
            f'{path} has schema version {result["schema_version"]}, but this mmct reads 1 '
            f'and {SCHEMA_VERSION}: score again, or read it with mmct {result["mmct_version"]}'
        )
    try:
        check(result, Result)
        _check_summary(result)
    except (OverflowError, ValueError) as error:  # the first for integers of hundreds of digits
        raise ValueError(f'{path} is damaged or was edited: {error}') from error
    return result


def labels_of(result: Mapping[str, Any]) -> np.ndarray | None:
    """Read the labels of the images of a result.

    Args:
        result (Mapping): The content of a result file.

    Returns:
        np.ndarray | None: The labels, int64 (N,), or None if an older file has none.

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
        raise ValueError(f'some labels are outside the {classes} classes')
    return labels


def reference_of(summary: Mapping[str, Any]) -> Reference | None:
    """Return the reference by which a summary was normalised.

    Args:
        summary (Mapping): The summary of a result.

    Returns:
        Reference | None: The reference, or None if the summary was not normalised.
    """
    found = summary['normalised']
    if found is None:
        return None
    return Reference(found['reference'], found['reference_pct'], found['reference_clean_pct'])


def check_cells(cells: Iterable[Mapping[str, Any]], images: int) -> None:
    """Refuse cells that contradict themselves or each other.

    Args:
        cells (Iterable[Mapping]): Cells, as :func:`cell_score` returns them.
        images (int): Number of images that each cell must have.

    Raises:
        ValueError: If a cell occurs twice or has another number of images, or its hits
            contradict its errors.
    """
    seen = set()
    for cell in cells:
        key = cell['corruption'], cell['severity']
        if key in seen:
            raise ValueError('{} at severity {} occurs twice'.format(*key))
        seen.add(key)
        if cell['images'] != images:
            raise ValueError('not all corruptions and severities have the same number of images')
        unpack_hits(cell)


def _check_summary(result: dict[str, Any]) -> None:
    clean, cells, summary = result['clean'], result['cells'], result['summary']
    every = cells + ([clean] if clean is not None else [])
    count = result['data']['images']
    check_cells(every, count)
    sorted_in = {name for names in result['data']['categories'].values() for name in names}
    for cell in cells:
        if cell['corruption'] not in sorted_in:
            raise ValueError(f'{cell["corruption"]} is in no category')
    known = {(cell['corruption'], cell['severity']) for cell in every}
    for each in result['examples']:
        if (each['corruption'], each['severity']) not in known or not 0 <= each['image'] < count:
            raise ValueError('a picture is of an image that was not scored')
    _check_predictions(every, labels_of(result))
    reference, draws = reference_of(summary), summary['bootstrap']
    draws = {key: draws[key] for key in ('level', 'resamples', 'seed')}
    again = summarise_cells(result['data'], clean, cells, reference, **draws)
    if reference is not None and again['normalised']['relative_mce_pct'] is None:
        # Earlier versions also divided by less than `LEAST_DEGRADATION`.
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
            raise ValueError(f'predictions, labels and hits of {what} contradict each other')


def _difference(one: Any, other: Any) -> str:
    """Return the first key in which two values differ beyond rounding, or '' if none does."""
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
    """Compare intervals, whose draws may depend on the version of NumPy."""
    if one is None or other is None:
        return _difference(one, other)
    slack = max(1e-6, 0.25 * (one[1] - one[0]))
    near = all(abs(a - b) <= slack for a, b in zip(one, other, strict=True))
    return '' if near else '.'
