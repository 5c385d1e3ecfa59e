"""Compute the numbers of a result: the score of each cell, and means with intervals."""

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
_BLOCK = 2_000_000  # numbers to draw at a time


def cell_score(
    corruption: str | None,
    severity: int,
    hits: np.ndarray,
    confidence: np.ndarray,
    predictions: Predictions | None = None,
) -> dict[str, Any]:
    """Compute the score of a cell, a corruption at a severity.

    Args:
        corruption (str, optional): Name of the corruption; None for clean images.
        severity (int): Severity from 1 to 5; 0 for clean images.
        hits (np.ndarray): True where the top class of an image is right. (N,)
        confidence (np.ndarray): Probability of the top class, from 0 to 1. (N,)
        predictions (Predictions, optional): Predictions to store, for scores of
            probabilities. Defaults to None.

    Returns:
        dict: The score, which JSON can hold: numbers of images and errors, error
        and calibration errors in %, the hits as base64 of packed bits, and the
        predictions.

    Raises:
        ValueError: If the severity is not allowed, there are no images, or hits
            or confidences are invalid.
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
    """Unpack the hits of a cell.

    Args:
        cell (Mapping): A cell, as :func:`cell_score` returns it.

    Returns:
        np.ndarray: True where the network was right. bool (N,)

    Raises:
        ValueError: If the hits contradict the number of images or errors.
    """
    what = f'{cell["corruption"] or "clean"} at severity {cell["severity"]}'
    try:
        packed = np.frombuffer(base64.b64decode(cell['hits'], validate=True), np.uint8)
    except binascii.Error as error:
        raise ValueError(f'the hits of {what} are damaged: {error}') from error
    count = cell['images']
    if len(packed) != -(-count // 8):
        raise ValueError(f'the hits of {what} do not have {count} images')
    hits = np.unpackbits(packed, count=count).astype(bool)
    if count - hits.sum() != cell['errors'] or cell['error_pct'] != 100 * cell['errors'] / count:
        raise ValueError(f'errors and hits of {what} contradict each other')
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
    """Compute the errors of a scorecard: means over cells, intervals and calibration.

    Args:
        data (Mapping): The result's description of the data; the corruptions of
            its category ``extra`` are in no other mean.
        clean (Mapping, optional): The cell of the clean images.
        cells (Sequence[Mapping]): All other cells.
        reference (Reference, optional): The reference to normalise by. Defaults to
            None.
        level (float): Level of the intervals. Defaults to 0.95.
        resamples (int): Number of bootstrap draws. Defaults to 10,000.
        seed (int): Seed of the bootstrap. Defaults to 0.

    Returns:
        dict: The ``summary`` in docs/reference/evaluation.md; all errors are in %.

    Raises:
        ValueError: If corruptions have different severities, or the reference
            lacks some.
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
        cells (Sequence[Mapping]): Cells in any order.

    Returns:
        dict[str, list[float]]: The errors in % by corruption.
    """
    table: dict[str, list[float]] = {}
    for cell in sorted(cells, key=lambda cell: cell['severity']):
        table.setdefault(cell['corruption'], []).append(cell['error_pct'])
    return {name: table[name] for name in dict.fromkeys(cell['corruption'] for cell in cells)}


def main_corruptions(data: Mapping[str, Any], names: Sequence[str]) -> list[str]:
    """Select the corruptions over which means are computed: those of the benchmark.

    Args:
        data (Mapping): The result's description of the data.
        names (Sequence[str]): The scored corruptions.

    Returns:
        list[str]: The benchmark's corruptions. If none of these was scored, all others but the
        extra ones; if there are only extra ones, these.
    """
    extra = data['categories'].get('extra', ())
    benchmark = [name for name in names if name in ALEXNET.means]
    return benchmark or [name for name in names if name not in extra] or list(names)


def scored_kinds(data: Mapping[str, Any], names: Sequence[str]) -> dict[str, list[str]]:
    """Sort corruptions into their categories.

    Args:
        data (Mapping): The result's description of the data.
        names (Sequence[str]): The corruptions to sort.

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
        cells (Sequence[Mapping]): Cells; those without a weight are ignored.
        weights (Mapping[str, float]): Weights by corruption.

    Returns:
        np.ndarray: The mean of weight times error, in % for weights of 1. (N,)
    """
    chosen = [cell for cell in cells if cell['corruption'] in weights]
    misses = [weights[cell['corruption']] * ~unpack_hits(cell) for cell in chosen]
    # Rounded, so that equal numbers of errors give equal values.
    return np.round(100 * sum(misses) / len(chosen), 9)


def mean_interval(
    values: np.ndarray, level: float = LEVEL, resamples: int = RESAMPLES, seed: int = SEED
) -> tuple[float, float]:
    """Compute the percentile bootstrap interval of a mean over images.

    It shows how much the mean depends on the choice of images, but says nothing
    about the training seed. For a difference of two runs, pass the differences of
    the images, which pairs the runs.

    Args:
        values (np.ndarray): One value per image. (N,)
        level (float): Level of the interval, between 0 and 1. Defaults to 0.95.
        resamples (int): Number of draws of N images. Defaults to 10,000.
        seed (int): Seed of the draws. Defaults to 0.

    Returns:
        tuple[float, float]: The ends of the interval.

    Raises:
        ValueError: If there are no values, a value is not finite, or a setting is
            out of its range.
    """
    values = np.asarray(values, np.float64)
    if values.ndim != 1 or not len(values) or not 0 < level < 1:
        raise ValueError(
            f'values must be (N,) and level in (0, 1), but got {values.shape} and {level}'
        )
    require(bool(np.isfinite(values).all()), 'values must be finite', values)
    require(is_count(resamples), 'resamples must be an integer above 0', resamples)
    require(is_count(seed, 0), 'seed must be an integer, 0 or more', seed)
    rng = np.random.default_rng(seed)
    means = np.concatenate(list(_means(values, resamples, rng)))
    return percentile_interval(means, level)


def percentile_interval(drawn: np.ndarray, level: float) -> tuple[float, float]:
    """Compute the percentile interval of the draws of a bootstrap.

    Args:
        drawn (np.ndarray): The statistic of each draw. (R,)
        level (float): Level of the interval, between 0 and 1.

    Returns:
        tuple[float, float]: The ends of the interval.
    """
    tail = (1 - level) / 2
    low, high = np.quantile(drawn, (tail, 1 - tail))
    return float(low), float(high)


def mean_estimate(values: np.ndarray, **draws: Any) -> dict[str, float]:
    """Compute a mean over images with its interval.

    Args:
        values (np.ndarray): One value per image. (N,)
        **draws: Settings of :func:`mean_interval`.

    Returns:
        dict: The mean as ``value``, and the ends of its interval as ``low`` and ``high``.

    Raises:
        ValueError: See :func:`mean_interval`.
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
        # The file contains everything from which its numbers are computed.
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
    """Yield the means of N values drawn from N, in blocks of limited size."""
    count = len(values)
    unique, times = np.unique(values, return_counts=True)
    # For few distinct values, such as numbers of errors, N draws equal one multinomial
    # draw of how often each value occurs: the same distribution, but far faster.
    few = 8 * len(unique) < count
    rows = max(1, _BLOCK // (len(unique) if few else count))
    for start in range(0, resamples, rows):
        size = min(rows, resamples - start)
        if few:
            yield rng.multinomial(count, times / count, size) @ unique / count
        else:
            yield values[rng.integers(0, count, (size, count), dtype=np.int32)].mean(1)
