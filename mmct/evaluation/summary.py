"""What a result file says of a cell."""

import base64
import binascii
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from mmct.corruptions import BENCHMARK, SEVERITIES

from .calibration_error import expected_calibration_error, rms_calibration_error
from .error_table import (
    Reference,
    category_means,
    corruption_means,
    normalised_mce,
    raw_mce,
    relative_mce,
)
from .intervals import LEVEL, RESAMPLES, SEED, mean_interval


def cell_score(
    corruption: str | None, severity: int, hits: np.ndarray, confidence: np.ndarray
) -> dict[str, Any]:
    """Score a cell.

    Args:
        corruption (str, optional): Its name; None for clean images.
        severity (int): From 1 to 5; 0 for clean images.
        hits (np.ndarray): Whether the top class of each image is right. (N,)
        confidence (np.ndarray): Its probability, from 0 to 1. (N,)

    Returns:
        dict: JSON-able: numbers of images and errors, error and calibration
        errors in %, and the hits as base64 of packed bits.
    """
    hits = np.asarray(hits, bool)
    errors = int((~hits).sum())
    return dict(
        corruption=corruption,
        severity=int(severity),
        images=len(hits),
        errors=errors,
        error_pct=100 * errors / len(hits),
        ece_pct=expected_calibration_error(confidence, hits),
        rms_calibration_pct=rms_calibration_error(confidence, hits),
        hits=base64.b64encode(np.packbits(hits).tobytes()).decode(),
    )


def unpack_hits(cell: Mapping[str, Any]) -> np.ndarray:
    """Which images of a cell were right.

    Args:
        cell (Mapping): As :func:`cell_score` gives it.

    Returns:
        np.ndarray: bool. (N,)

    Raises:
        ValueError: If they are not as many as the images, or do not make the
            number of errors.
    """
    what = f'{cell["corruption"] or "clean"} at severity {cell["severity"]}'
    try:
        packed = np.frombuffer(base64.b64decode(cell['hits'], validate=True), np.uint8)
    except binascii.Error as error:
        raise ValueError(f'the hits of {what} are damaged: {error}') from error
    count = cell['images']
    if len(packed) != -(-count // 8):
        raise ValueError(f'the hits of {what} are not those of {count} images')
    hits = np.unpackbits(packed, count=count).astype(bool)
    if count - hits.sum() != cell['errors'] or cell['error_pct'] != 100 * cell['errors'] / count:
        raise ValueError(f'errors and hits of {what} do not fit together')
    return hits


def summarise(
    data: Mapping[str, Any],
    clean: Mapping[str, Any] | None,
    cells: Sequence[Mapping[str, Any]],
    reference: Reference | None = None,
    level: float = LEVEL,
    resamples: int = RESAMPLES,
    seed: int = SEED,
) -> dict[str, Any]:
    """Compute what tables show.

    Args:
        data (Mapping): What the result says of the data; its ``categories``
            say which corruptions are extra ones, that no mean contains.
        clean (Mapping, optional): The cell of the clean images.
        cells (Sequence[Mapping]): The others.
        reference (Reference, optional): What to normalise by.
        level (float): Of the intervals. Defaults to 0.95.
        resamples (int): Of the bootstrap. Defaults to 10,000.
        seed (int): Of the bootstrap. Defaults to 0.

    Returns:
        dict: As documented for result files; all errors in %.

    Raises:
        ValueError: If corruptions have different severities, or the reference
            does not have them.
    """
    table = error_table(cells)
    severities = sorted({cell['severity'] for cell in cells})
    means = corruption_means(table)
    names = main_corruptions(data, table)
    main = {name: table[name] for name in names}
    draws = dict(level=level, resamples=resamples, seed=seed)
    clean_pct = None if clean is None else clean['error_pct']
    kinds = category_means(table, data['categories'])
    return dict(
        corruptions=len(names),
        severities=severities,
        is_benchmark=set(BENCHMARK) <= set(names) and severities == list(SEVERITIES),
        clean_error_pct=clean_pct,
        clean_interval_pct=None if clean is None else _interval([clean], {None: 1.0}, draws),
        corruption_error_pct=means,
        categories_pct={kind: mean for kind, mean in kinds.items() if kind != 'extra'},
        extra_pct=kinds.get('extra'),
        raw_mce_pct=raw_mce(main),
        raw_mce_interval_pct=_interval(cells, dict.fromkeys(names, 1.0), draws),
        gap_pct=None if clean is None else raw_mce(main) - clean_pct,
        normalised=_normalised(cells, main, clean_pct, reference, draws),
        ece_pct=_calibration('ece_pct', clean, cells, names),
        rms_calibration_pct=_calibration('rms_calibration_pct', clean, cells, names),
        bootstrap=draws,
    )


def error_table(cells: Sequence[Mapping[str, Any]]) -> dict[str, list[float]]:
    """The errors of each corruption, from weak to strong.

    Args:
        cells (Sequence[Mapping]): In any order.

    Returns:
        dict[str, list[float]]: In %.
    """
    table: dict[str, list[float]] = {}
    for cell in sorted(cells, key=lambda cell: cell['severity']):
        table.setdefault(cell['corruption'], []).append(cell['error_pct'])
    return {name: table[name] for name in dict.fromkeys(cell['corruption'] for cell in cells)}


def main_corruptions(data: Mapping[str, Any], names: Sequence[str]) -> list[str]:
    """The corruptions that means are over: all but the extra ones.

    Args:
        data (Mapping): What the result says of the data.
        names (Sequence[str]): Those that were scored.

    Returns:
        list[str]: If there are extra ones alone, those.
    """
    extra = data['categories'].get('extra', ())
    return [name for name in names if name not in extra] or list(names)


def image_errors(cells: Sequence[Mapping[str, Any]], weights: Mapping[str, float]) -> np.ndarray:
    """The weighted mean error of each image, over cells.

    Args:
        cells (Sequence[Mapping]): Cells; those of other corruptions are left out.
        weights (Mapping[str, float]): Of each corruption.

    Returns:
        np.ndarray: In %, for weights of 1. (N,)
    """
    chosen = [cell for cell in cells if cell['corruption'] in weights]
    misses = [weights[cell['corruption']] * ~unpack_hits(cell) for cell in chosen]
    # Rounded: equal numbers of errors are to be equal values.
    return np.round(100 * sum(misses) / len(chosen), 9)


def _interval(
    cells: Sequence[Mapping[str, Any]],
    weights: Mapping[str | None, float],
    draws: Mapping[str, Any],
) -> list[float]:
    return list(mean_interval(image_errors(cells, weights), **draws))


def _normalised(
    cells: Sequence[Mapping[str, Any]],
    main: Mapping[str, Sequence[float]],
    clean_pct: float | None,
    reference: Reference | None,
    draws: Mapping[str, Any],
) -> dict[str, Any] | None:
    if reference is None:
        return None
    mce = normalised_mce(main, reference.means)
    relative = None
    gaps = [reference.means[name] - (reference.clean or 0) for name in main]
    # Not defined where the reference is no worse on corrupted images.
    if clean_pct is not None and reference.clean is not None and min(gaps) > 0:
        relative = relative_mce(main, clean_pct, reference.means, reference.clean)
    weights = {name: 100 / reference.means[name] for name in main}
    return dict(
        reference=reference.name,
        # So that the file says all that its numbers are computed from.
        reference_pct={name: reference.means[name] for name in main},
        reference_clean_pct=reference.clean,
        mce_pct=mce,
        mce_interval_pct=_interval(cells, weights, draws),
        relative_mce_pct=relative,
    )


def _calibration(
    key: str,
    clean: Mapping[str, Any] | None,
    cells: Sequence[Mapping[str, Any]],
    names: Sequence[str],
) -> dict[str, float | None]:
    values = [cell[key] for cell in cells if cell['corruption'] in names]
    return dict(
        clean=None if clean is None else clean[key], corrupted=sum(values) / len(values)
    )
