"""The numbers of a study, over its seeds."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from scipy.stats import t

from mmct.evaluation import relative_mce


def summarise(plan: Mapping[str, Any], results: Mapping[str, Mapping]) -> list[dict[str, Any]]:
    """A row for each arm, from the plan and the results alone.

    Args:
        plan (Mapping): What ``study.json`` says.
        results (Mapping): Of finished cells, by key.

    Returns:
        list[dict]: With ``arm``, ``group``, ``variant``, ``chosen`` (the
        overlay that its tuning chose), ``seeds`` (those that are finished),
        ``diverged`` (those that diverged) and ``values``: for each column of
        the table mean and standard error over seeds, and in ``differences``,
        by the name of each baseline, those of the differences to it, paired by
        seed; for a column with ``curve``, ``x`` and ``y`` the difference is
        :func:`at_equal`.
    """
    rows = []
    for name, arm in plan['arms'].items():
        own = _by_seed(plan, results, name)
        baselines = {other: _by_seed(plan, results, other) for other in arm['baselines']}
        values = {}
        for title, column in plan['table'].items():
            if isinstance(column, Mapping) and 'published' in column:
                values[title] = dict(_of_others(column['published'].get(name)), differences={})
                continue
            if isinstance(column, Mapping) and 'relative' in column:
                values[title] = _relative_column(own, baselines, column['relative'])
                continue
            values[title] = dict(
                **mean_and_error(list(_column(own, column).values())),
                differences={
                    other: mean_and_error(_differences(own, theirs, column))
                    for other, theirs in baselines.items()
                },
            )
        rows.append(
            dict(
                arm=name,
                group=arm['group'],
                variant=arm['variant'],
                chosen=None if arm['chosen'] is None else arm['points'][arm['chosen']],
                seeds=list(own),
                diverged=[seed for seed, result in own.items() if result['diverged']],
                values=values,
            )
        )
    return rows


def seed_results(
    plan: Mapping[str, Any], results: Mapping[str, Mapping], arm: str, path: str
) -> dict[int, Any]:
    """What a score says of an arm, for each seed that has it.

    Args:
        plan (Mapping): What ``study.json`` says.
        results (Mapping): Of finished cells, by key.
        arm (str): Its name.
        path (str): Name of the score, and the keys in it, with dots between.
    """
    return _column(_by_seed(plan, results, arm), path)


def mean_and_error(values: Sequence[float]) -> dict[str, Any]:
    """Mean and standard error of values from different seeds.

    Args:
        values (Sequence[float]): One for each seed.

    Returns:
        dict: ``mean``, ``standard_error``, ``interval`` (with 95 % of Student's
        t: of three seeds 4.3 standard errors to each side) and ``count``. Without
        values the mean is None, and with fewer than two the rest is.
    """
    count = len(values)
    mean = float(np.mean(values)) if count else None
    if count < 2:
        return dict(mean=mean, standard_error=None, interval=None, count=count)
    error = float(np.std(values, ddof=1) / math.sqrt(count))
    half = float(t.ppf(0.975, count - 1)) * error
    return dict(mean=mean, standard_error=error, interval=[mean - half, mean + half], count=count)


def shown_value(result: Mapping[str, Any], column: str | Mapping[str, str]) -> float | None:
    """What a result has in a column of the table.

    Args:
        result (Mapping): Of a cell.
        column (str | Mapping): A path, as for :func:`value_at`, or ``curve``,
            ``x`` and ``y``: then the last ``y`` of the curve.

    Returns:
        float: None if there is nothing, or what is shown is ``relative`` to
        another result or ``published``.
    """
    if isinstance(column, str):
        return value_at(result, column)
    if 'curve' not in column:
        return None
    curve = value_at(result, column['curve'])
    return None if curve is None else curve[column['y']][-1]


def at_equal(
    curve: Mapping[str, Sequence[float]], other: Mapping[str, Sequence[float]], x: str, y: str
) -> float | None:
    """How much higher ``y`` ends on a curve than the other was at equal ``x``.

    Args:
        curve (Mapping): Lists by name, such as what ``AlongTraining`` returns.
        other (Mapping): The same, of another run; linear between its points.
        x (str): What is to be equal.
        y (str): What is compared.

    Returns:
        float: None if the other never was at this ``x``.
    """
    order = np.argsort(other[x])
    xs, ys = np.asarray(other[x])[order], np.asarray(other[y])[order]
    place = curve[x][-1]
    if not xs[0] <= place <= xs[-1]:
        return None
    return float(curve[y][-1] - np.interp(place, xs, ys))


def _of_others(value: float | None) -> dict[str, Any]:
    """A value that was not measured here: of no seed."""
    return dict(mean=value, standard_error=None, interval=None, count=0)


def _relative_column(
    own: Mapping[int, Mapping], baselines: Mapping[str, Mapping[int, Mapping]], path: str
) -> dict[str, Any]:
    """The relative mCE by the first baseline; 100 by definition for what has none."""
    if not baselines:
        measured = [seed for seed, result in own.items() if value_at(result, path)]
        return dict(**mean_and_error([100.0] * len(measured)), differences={})
    first = next(iter(baselines.values()))
    found = [
        relative
        for seed, result in own.items()
        if seed in first and (relative := _relative(result, first[seed], path)) is not None
    ]
    return dict(**mean_and_error(found), differences={})


def _relative(result: Mapping, reference: Mapping, path: str) -> float | None:
    mine, theirs = value_at(result, path), value_at(reference, path)
    if not mine or not theirs:
        return None
    errors = {name: [error] for name, error in mine['corruption_error_pct'].items()}
    others = theirs['corruption_error_pct'], theirs['clean_error_pct']
    try:
        return relative_mce(errors, mine['clean_error_pct'], *others)
    except ValueError:
        # The reference is no worse on some corruption than on clean images.
        return None


def _differences(
    own: Mapping[int, Mapping], baseline: Mapping[int, Mapping], column: str | Mapping[str, str]
) -> list[float]:
    """Differences to the baseline, of the seeds that both have."""
    found = []
    for seed in own:
        if seed not in baseline:
            continue
        if isinstance(column, str):
            mine, theirs = (value_at(by_seed[seed], column) for by_seed in (own, baseline))
            found.append(None if mine is None or theirs is None else mine - theirs)
        else:
            mine, theirs = (value_at(by[seed], column['curve']) for by in (own, baseline))
            if mine is not None and theirs is not None:
                found.append(at_equal(mine, theirs, column['x'], column['y']))
    return [value for value in found if value is not None]


def _by_seed(
    plan: Mapping[str, Any], results: Mapping[str, Mapping], arm: str
) -> dict[int, Mapping]:
    return {
        cell['seed']: results[cell['key']]
        for cell in plan['cells']
        if cell['arm'] == arm and cell['role'] == 'training' and cell['key'] in results
    }


def value_at(result: Mapping[str, Any], path: str) -> Any:
    """What a result says somewhere.

    Args:
        result (Mapping): Of a cell.
        path (str): Name of the score, and the keys in it, with dots between.

    Returns:
        Any: None if there is nothing.
    """
    name, *keys = path.split('.')
    score = result['scores'].get(name)
    value = None if score is None else score['value']
    for key in keys:
        value = value.get(key) if isinstance(value, Mapping) else None
    return value


def _column(by_seed: Mapping[int, Mapping], column: str | Mapping[str, str]) -> dict[int, Any]:
    found = {seed: shown_value(result, column) for seed, result in by_seed.items()}
    return {seed: value for seed, value in found.items() if value is not None}
