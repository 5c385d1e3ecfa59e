"""The numbers of a result: of each cell, and their means with intervals."""

import base64
import binascii
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from mmct.messages import is_count, require

from .calibration_error import checked_hits, expected_calibration_error, rms_calibration_error
from .error_table import (
    ALEXNET,
    LEAST_DEGRADATION,
    Reference,
    category_means,
    corruption_means,
    normalised_mce,
    raw_mce,
    relative_mce,
)
from .predictions import Predictions

LEVEL, RESAMPLES, SEED = 0.95, 10_000, 0
_BLOCK = 2_000_000  # numbers that are drawn at a time


def cell_score(
    corruption: str | None,
    severity: int,
    hits: np.ndarray,
    confidence: np.ndarray,
    predictions: Predictions | None = None,
) -> dict[str, Any]:
    """Score a cell.

    Args:
        corruption (str, optional): Its name; None for clean images.
        severity (int): From 1 to 5; 0 for clean images.
        hits (np.ndarray): True where the top class of an image is right. (N,)
        confidence (np.ndarray): Probability of the top class, from 0 to 1. (N,)
        predictions (Predictions, optional): To be kept, for scores of probabilities.

    Returns:
        dict: JSON-able: numbers of images and errors, error and calibration
        errors in %, the hits as base64 of packed bits, and the predictions.

    Raises:
        ValueError: If the severity is not one of these, there are no images, or
            hits and confidences are not what they should be.
    """
    lowest, highest = (0, 0) if corruption is None else (1, 5)
    known = is_count(severity, lowest) and severity <= highest
    require(known, 'severity must be 0 for clean images, else an integer from 1 to 5', severity)
    hits = checked_hits(hits)
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
        **({} if predictions is None else dict(predictions=predictions.pack())),
    )


def unpack_hits(cell: Mapping[str, Any]) -> np.ndarray:
    """Unpack which images of a cell were right.

    Args:
        cell (Mapping): As :func:`cell_score` gives it.

    Returns:
        np.ndarray: bool. (N,)

    Raises:
        ValueError: If they do not fit the number of images or errors.
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


def summarise_cells(
    data: Mapping[str, Any],
    clean: Mapping[str, Any] | None,
    cells: Sequence[Mapping[str, Any]],
    reference: Reference | None = None,
    level: float = LEVEL,
    resamples: int = RESAMPLES,
    seed: int = SEED,
) -> dict[str, Any]:
    """Compute the errors of a scorecard: means over cells, intervals, calibration.

    Args:
        data (Mapping): What the result says of the data; no mean contains the
            corruptions of its category ``extra``.
        clean (Mapping, optional): The cell of the clean images.
        cells (Sequence[Mapping]): The others.
        reference (Reference, optional): What to normalise by.
        level (float): Of the intervals. Defaults to 0.95.
        resamples (int): Of the bootstrap. Defaults to 10,000.
        seed (int): Of the bootstrap. Defaults to 0.

    Returns:
        dict: The ``summary`` of docs/evaluation.md; all errors in %.

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
        is_benchmark=(
            ALEXNET.means.keys() <= set(names)
            and severities == [1, 2, 3, 4, 5]
            and not data.get('subset')
        ),
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
    """Collect the errors of each corruption, from weak to strong.

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
    """Select the corruptions that means are over: those of the benchmark.

    Args:
        data (Mapping): What the result says of the data.
        names (Sequence[str]): Those that were scored.

    Returns:
        list[str]: Where none of the benchmark was scored, all but the extra ones; the extra ones
        where nothing else was.
    """
    extra = data['categories'].get('extra', ())
    benchmark = [name for name in names if name in ALEXNET.means]
    return benchmark or [name for name in names if name not in extra] or list(names)


def scored_kinds(data: Mapping[str, Any], names: Sequence[str]) -> dict[str, list[str]]:
    """Sort corruptions into their categories.

    Args:
        data (Mapping): What the result says of the data.
        names (Sequence[str]): Those that count.

    Returns:
        dict[str, list[str]]: Names by category; no category is empty.
    """
    kinds = {
        kind: [name for name in members if name in names]
        for kind, members in data['categories'].items()
    }
    return {kind: members for kind, members in kinds.items() if members}


def image_errors(cells: Sequence[Mapping[str, Any]], weights: Mapping[str, float]) -> np.ndarray:
    """Compute the weighted mean error of each image over cells.

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


def mean_interval(
    values: np.ndarray, level: float = LEVEL, resamples: int = RESAMPLES, seed: int = SEED
) -> tuple[float, float]:
    """Compute the percentile bootstrap interval of a mean over images.

    It tells how much the mean depends on the choice of images, and nothing about
    the seed of the training. For a difference of two runs, give the differences
    image by image: the runs are then paired.

    Args:
        values (np.ndarray): One per image. (N,)
        level (float): Between 0 and 1. Defaults to 0.95.
        resamples (int): How often N images are drawn. Defaults to 10,000.
        seed (int): Of the draws. Defaults to 0.

    Returns:
        tuple[float, float]: Its ends.

    Raises:
        ValueError: If there are no values, one is not finite, or a setting is not
            what it should be.
    """
    values = np.asarray(values, np.float64)
    if values.ndim != 1 or not len(values) or not 0 < level < 1:
        raise ValueError(f'needs values (N,) and a level in (0, 1), got {values.shape}, {level}')
    require(bool(np.isfinite(values).all()), 'values must be finite', values)
    require(is_count(resamples), 'resamples must be an integer above 0', resamples)
    require(is_count(seed, 0), 'seed must be an integer, 0 or more', seed)
    rng = np.random.default_rng(seed)
    means = np.concatenate(list(_means(values, resamples, rng)))
    return percentile_interval(means, level)


def percentile_interval(drawn: np.ndarray, level: float) -> tuple[float, float]:
    """Cut off both tails of what a bootstrap drew.

    Args:
        drawn (np.ndarray): A statistic of each draw. (R,)
        level (float): Between 0 and 1.

    Returns:
        tuple[float, float]: The ends of the interval.
    """
    tail = (1 - level) / 2
    low, high = np.quantile(drawn, (tail, 1 - tail))
    return float(low), float(high)


def mean_estimate(values: np.ndarray, **draws: Any) -> dict[str, float]:
    """Compute a mean over images with its interval.

    Args:
        values (np.ndarray): One per image. (N,)
        **draws: As for :func:`mean_interval`.

    Returns:
        dict: ``value``, ``low`` and ``high``.

    Raises:
        ValueError: As :func:`mean_interval`.
    """
    low, high = mean_interval(values, **draws)
    return dict(value=float(np.mean(values)), low=low, high=high)


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
    if None not in (clean_pct, reference.clean) and min(gaps) >= LEAST_DEGRADATION:
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
    return dict(clean=None if clean is None else clean[key], corrupted=sum(values) / len(values))


def _means(values: np.ndarray, resamples: int, rng: np.random.Generator) -> Iterator[np.ndarray]:
    """Yield means of N values drawn from N, in blocks that stay small in memory."""
    count = len(values)
    unique, times = np.unique(values, return_counts=True)
    # N draws among few values, such as numbers of errors, are one multinomial
    # draw of how often each value comes: the same distribution, and far faster.
    few = 8 * len(unique) < count
    rows = max(1, _BLOCK // (len(unique) if few else count))
    for start in range(0, resamples, rows):
        size = min(rows, resamples - start)
        if few:
            yield rng.multinomial(count, times / count, size) @ unique / count
        else:
            yield values[rng.integers(0, count, (size, count), dtype=np.int32)].mean(1)
