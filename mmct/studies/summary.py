"""Summarise the results of a study over its seeds."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Any

import numpy as np
from pydantic import AfterValidator, Field

from mmct.evaluation.crossed import crossed_error
from mmct.evaluation.error_table import LEAST_DEGRADATION
from mmct.messages import suggestion
from mmct.records import check
from mmct.runs.errors import CTError

from . import image_errors

Column = str | Mapping[str, Any]
"""The content of a table column: a path into a score, or a comparison (docs/studies.md)."""


def _of_one_length(curves: dict[str, list[float]]) -> dict[str, list[float]]:
    if len({len(values) for values in curves.values()}) > 1:
        raise ValueError('its lists must have the same length')
    return curves


Curves = Annotated[
    dict[str, Annotated[list[float], Field(min_length=1)]], AfterValidator(_of_one_length)
]
"""The structure of the result of ``AlongTraining``."""


def summarise_arms(plan: Mapping[str, Any], results: Mapping[str, Mapping]) -> list[dict[str, Any]]:
    """Make a row for each arm, from the plan and the results alone.

    Args:
        plan (Mapping): Content of ``study.json``.
        results (Mapping): Results of finished cells by key.

    Returns:
        list[dict]: Rows with ``arm``, ``group``, ``variant``, ``chosen`` (the overlay that
        tuning chose), ``seeds`` (finished ones), ``diverged`` (seeds that diverged) and
        ``values``. For each column of the table, ``values`` has the mean and standard error
        over seeds, and in ``differences`` the same for the difference to each baseline, by
        name and paired by seed. For a column with ``curve``, ``x`` and ``y`` the difference is
        :func:`at_equal`. If a standard error has ``images`` beside it, it is taken over seeds
        and that number of images (:func:`crossed_error`).
    """
    rows = []
    for name, arm in plan['arms'].items():
        own = _by_seed(plan, results, name)
        baselines = {other: _by_seed(plan, results, other) for other in arm['baselines']}
        rows.append(
            dict(
                arm=name,
                group=arm['group'],
                variant=arm['variant'],
                chosen=None if arm['chosen'] is None else arm['points'][arm['chosen']],
                seeds=list(own),
                diverged=[seed for seed, result in own.items() if result['diverged']],
                values={
                    title: _column(name, own, baselines, column)
                    for title, column in plan['table'].items()
                },
            )
        )
    return rows


def seed_results(
    plan: Mapping[str, Any],
    results: Mapping[str, Mapping],
    arm: str,
    column: Column,
    kind: Any = float,
) -> dict[int, Any]:
    """Collect a score of an arm from all seeds that have it.

    Args:
        plan (Mapping): Content of ``study.json``.
        results (Mapping): Results of finished cells by key.
        arm (str): Name of the arm.
        column (str | Mapping): See :func:`shown_value`.
        kind (Any): See :func:`value_at`. Defaults to float.

    Returns:
        dict[int, Any]: The score by seed.
    """
    return _values(_by_seed(plan, results, arm), column, kind)


def diverged_seeds(
    plan: Mapping[str, Any], results: Mapping[str, Mapping], arm: str
) -> list[int]:
    """List the seeds whose training of an arm diverged.

    Args:
        plan (Mapping): Content of ``study.json``.
        results (Mapping): Results of finished cells by key.
        arm (str): Name of the arm.
    """
    return [seed for seed, result in _by_seed(plan, results, arm).items() if result['diverged']]


def scores_by_arm(
    plan: Mapping[str, Any], results: Mapping[str, Mapping], column: Column, kind: Any = float
) -> dict[str, dict[int, Any]]:
    """Collect a score of all arms that have it.

    Args:
        plan (Mapping): Content of ``study.json``.
        results (Mapping): Results of finished cells by key.
        column (str | Mapping): See :func:`shown_value`.
        kind (Any): See :func:`value_at`. Defaults to float.

    Returns:
        dict[str, dict[int, Any]]: The score by arm and seed.
    """
    found = {arm: seed_results(plan, results, arm, column, kind) for arm in plan['arms']}
    return {arm: scores for arm, scores in found.items() if scores}


def means_by_arm(
    plan: Mapping[str, Any], results: Mapping[str, Mapping], column: Column
) -> dict[str, dict[str, Any]]:
    """Summarise a score of all arms that have it, as the table does.

    Args:
        plan (Mapping): Content of ``study.json``.
        results (Mapping): Results of finished cells by key.
        column (str | Mapping): See :func:`shown_value`.

    Returns:
        dict[str, dict]: The result of :func:`mean_and_error` by arm, with standard errors over
        seeds and images where the errors of single images are known.
    """
    found = {arm: _mean(_by_seed(plan, results, arm), column) for arm in plan['arms']}
    return {arm: mean for arm, mean in found.items() if mean['count']}


def mean_and_error(values: Iterable[float]) -> dict[str, Any]:
    """Compute mean and standard error of values from different seeds.

    Args:
        values (Iterable[float]): One value per seed.

    Returns:
        dict: ``mean``, ``standard_error``, ``interval`` and ``count``. The interval
        is the 95 % interval of Student's t, which for three seeds spans 4.3 standard
        errors to each side. Without values the mean is None; with fewer than two,
        standard error and interval are None.
    """
    from scipy import stats

    seeds = np.array([*values], np.float64)
    mean = float(seeds.mean()) if len(seeds) else None
    if len(seeds) < 2:
        return dict(mean=mean, standard_error=None, interval=None, count=len(seeds))
    error = float(stats.sem(seeds))
    ends = _interval(mean, error, len(seeds) - 1)
    return dict(mean=mean, standard_error=error, interval=ends, count=len(seeds))


def shown_value(result: Mapping[str, Any], column: Column, kind: Any = float) -> Any:
    """Read the value that a column of the table shows for a result.

    Args:
        result (Mapping): The result of a cell.
        column (str | Mapping): A path as for :func:`value_at`, or a dict of ``curve``,
            ``x`` and ``y``, which shows the last ``y`` of the curve.
        kind (Any): See :func:`value_at`. Defaults to float.

    Returns:
        Any: The value. None if the result has none, or if the column compares results
        or shows ``published`` values.
    """
    if isinstance(column, str):
        return value_at(result, column, kind)
    if 'curve' not in column:
        return None
    curve = value_at(result, column['curve'], Curves)
    return None if curve is None else axis(curve, column['y'])[-1]


def value_at(result: Mapping[str, Any], path: str, kind: Any = float) -> Any:
    """Read the value at a path of a result.

    Args:
        result (Mapping): The result of a cell.
        path (str): Name of the score and keys in it, joined by dots.
        kind (Any): Expected type, in a form that pydantic knows. Defaults to float.

    Returns:
        Any: The value, or None if there is none.

    Raises:
        CTError: If the value has another type.
    """
    name, *keys = path.split('.')
    score = result['scores'].get(name)
    value = None if score is None else _inside(score['value'], keys)
    if value is not None:
        try:
            check(value, kind)
        except ValueError as error:
            text = f'{path} of {result["title"]!r} cannot be shown: {error}'
            raise CTError(text) from error
    return value


def _inside(value: Any, keys: Sequence[str]) -> Any:
    if not keys:
        return value
    # A key, such as the name of a domain, may have dots in it.
    for count in range(len(keys), 0, -1):
        key = '.'.join(keys[:count])
        if isinstance(value, Mapping) and key in value:
            return _inside(value[key], keys[count:])
    return None


def at_equal(
    curve: Mapping[str, Sequence[float]], other: Mapping[str, Sequence[float]], x: str, y: str
) -> float | None:
    """Compute the difference of the last ``y`` of a curve to another curve at equal ``x``.

    Args:
        curve (Mapping): Lists by name, such as the result of ``AlongTraining``.
        other (Mapping): The lists of another run, which are interpolated linearly.
        x (str): Name of the list whose values must be equal.
        y (str): Name of the list whose values are compared.

    Returns:
        float: The difference, or None if the other curve does not reach this ``x``.
    """
    order = np.argsort(axis(other, x))
    xs, ys = np.asarray(other[x])[order], np.asarray(axis(other, y))[order]
    place = axis(curve, x)[-1]
    if not xs[0] <= place <= xs[-1]:
        return None
    return float(axis(curve, y)[-1] - np.interp(place, xs, ys))


def axis(curve: Mapping[str, Sequence[float]], name: str) -> Sequence[float]:
    """Get a list of a curve.

    Args:
        curve (Mapping): Lists by name, such as the result of ``AlongTraining``.
        name (str): Name of the list.

    Returns:
        Sequence[float]: The list.

    Raises:
        CTError: If the curve has no list of that name.
    """
    if name not in curve:
        raise CTError(f'a curve has no {name!r}; {suggestion(name, curve)}')
    return curve[name]


def _column(
    arm: str,
    own: Mapping[int, Mapping],
    baselines: Mapping[str, Mapping[int, Mapping]],
    column: Column,
) -> dict[str, Any]:
    """Summarise a column of the table for an arm, and its differences to the baselines."""
    differences = {}
    if isinstance(column, Mapping) and 'published' in column:
        # Not measured here, so there are no seeds.
        found = {**mean_and_error([]), 'mean': column['published'].get(arm)}
    elif isinstance(column, Mapping) and 'at_equal' in column:
        found = mean_and_error(_above_the_line(own, baselines, column['at_equal'], column['of']))
    elif isinstance(column, Mapping) and 'relative' in column:
        found = mean_and_error(_relative(own, baselines, column['relative']))
    else:
        found = _mean(own, column)
        for other, theirs in baselines.items():
            differences[other] = _mean_difference(own, theirs, column)
    return {**found, 'differences': differences}


def _mean(own: Mapping[int, Mapping], column: Column) -> dict[str, Any]:
    values = _values(own, column)
    return _with_images(
        mean_and_error(values.values()), _image_errors([own[seed] for seed in values], column)
    )


def _mean_difference(
    own: Mapping[int, Mapping], baseline: Mapping[int, Mapping], column: Column
) -> dict[str, Any]:
    """Summarise the differences to a baseline, paired by seed and by image."""
    found = mean_and_error(_differences(own, baseline, column))
    theirs = _values(baseline, column)
    seeds = [seed for seed in _values(own, column) if seed in theirs]
    both = [by_seed[seed] for by_seed in (own, baseline) for seed in seeds]
    errors = _image_errors(both, column)
    if errors is not None:
        errors = errors[: len(seeds)] - errors[len(seeds) :]
    return _with_images(found, errors)


def _with_images(found: dict[str, Any], errors: np.ndarray | None) -> dict[str, Any]:
    """Include the choice of images in the standard error of a mean over seeds.

    Args:
        found (dict): The result of :func:`mean_and_error`.
        errors (np.ndarray, optional): The error of each seed and image. (S, I)
    """
    # With one seed only the part of the images is known, which is not the error of the mean.
    if errors is None or min(errors.shape) < 2:
        return found
    error, freedom = crossed_error(errors)
    ends = _interval(found['mean'], error, freedom)
    return {**found, 'standard_error': error, 'interval': ends, 'images': errors.shape[1]}


def _image_errors(results: Sequence[Mapping], column: Column) -> np.ndarray | None:
    """Collect the errors of all images from all results, in %, (results, I).

    Return None if the column is not a mean over images, if a result lacks the errors of images, as
    in earlier versions, or if the images differ.
    """
    if not isinstance(column, str) or not results:
        return None
    name, *keys = column.split('.')
    kind = image_errors.WrongByImage
    kept = [value_at(result, f'{name}.{image_errors.NAME}', kind) for result in results]
    if None in kept or len({(each['images'], each['labels_sha256']) for each in kept}) > 1:
        return None
    found = [image_errors.errors_of_images(each, keys) for each in kept]
    if any(errors is None for errors in found):
        return None
    for errors, result in zip(found, results, strict=True):
        if abs(errors.mean() - value_at(result, column)) > 1e-6:
            text = f'{column} of {result["title"]!r} does not follow from its {image_errors.NAME}'
            raise CTError(text)
    return np.stack(found)


def _interval(mean: float, error: float, freedom: float) -> list[float]:
    """Compute the ends of the 95 % interval of Student's t."""
    from scipy import stats

    # Not by ``loc`` and ``scale``, which give NaN for equal values, where the scale is zero.
    return (mean + error * np.array(stats.t.interval(0.95, freedom))).tolist()


def _above_the_line(
    own: Mapping[int, Mapping], baselines: Mapping[str, Mapping[int, Mapping]], x: str, y: str
) -> list[float]:
    """Compute how much higher ``y`` is than on the line through the baselines, at equal ``x``.

    Only seeds whose ``x`` lies between those of their baselines are used.
    """
    found = []
    for seed, result in own.items():
        others = [by_seed[seed] for by_seed in baselines.values() if seed in by_seed]
        ends = [[value_at(each, path) for path in (x, y)] for each in (result, *others)]
        (mine, height), *points = ends
        points = sorted(point for point in points if None not in point)
        if mine is None or height is None or not points:
            continue
        if points[0][0] <= mine <= points[-1][0]:
            found.append(float(height - np.interp(mine, *zip(*points, strict=True))))
    return found


def _relative(
    own: Mapping[int, Mapping], baselines: Mapping[str, Mapping[int, Mapping]], score: str
) -> list[float]:
    """Compute the gap in % of the first baseline's gap; 100 for arms without a baseline.

    This is relative mCE as a ratio of sums. The published mean of ratios by corruption would have
    denominators of a point or two for baselines trained here. The result is empty if the whole gap
    of a baseline is that small.
    """
    path = f'{score}.gap_pct'
    if not baselines:
        return [100.0] * len(_values(own, path))
    pairs = list(_paired(own, next(iter(baselines.values())), path))
    if any(theirs < LEAST_DEGRADATION for _, theirs in pairs):
        return []
    return [100 * mine / theirs for mine, theirs in pairs]


def _differences(
    own: Mapping[int, Mapping], baseline: Mapping[int, Mapping], column: Column
) -> list[float]:
    """Compute the differences to the baseline for the seeds that both have."""
    if isinstance(column, str):
        return [mine - theirs for mine, theirs in _paired(own, baseline, column)]
    curves = _paired(own, baseline, column['curve'], Curves)
    found = [at_equal(*pair, column['x'], column['y']) for pair in curves]
    return [value for value in found if value is not None]


def _paired(
    own: Mapping[int, Mapping], baseline: Mapping[int, Mapping], path: str, kind: Any = float
) -> list[tuple[Any, Any]]:
    """Pair the scores of the seeds that both have."""
    mine, theirs = _values(own, path, kind), _values(baseline, path, kind)
    return [(mine[seed], theirs[seed]) for seed in mine if seed in theirs]


def _by_seed(
    plan: Mapping[str, Any], results: Mapping[str, Mapping], arm: str
) -> dict[int, Mapping]:
    return {
        cell['seed']: results[cell['key']]
        for cell in plan['cells']
        if cell['arm'] == arm and cell['role'] == 'training' and cell['key'] in results
    }


def _values(by_seed: Mapping[int, Mapping], column: Column, kind: Any = float) -> dict[int, Any]:
    found = {seed: shown_value(result, column, kind) for seed, result in by_seed.items()}
    return {seed: value for seed, value in found.items() if value is not None}
