"""Compare two results image by image by differences and flips; compute intervals of one."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from .summary import (
    image_errors,
    main_corruptions,
    mean_estimate,
    mean_interval,
    scored_kinds,
    unpack_hits,
)


def error_intervals(result: Mapping[str, Any]) -> dict[str, tuple[float, float]]:
    """Compute the interval of the mean error on each corruption.

    Args:
        result (Mapping): The content of a result file.

    Returns:
        dict[str, tuple[float, float]]: The ends of the interval by corruption, in %.
    """
    draws = result['summary']['bootstrap']
    return {
        name: mean_interval(image_errors(result['cells'], {name: 1.0}), **draws)
        for name in result['summary']['corruption_error_pct']
    }


def flips(run: Mapping[str, Any], base: Mapping[str, Any]) -> dict[str, float]:
    """Count the images on which exactly one of a network and the baseline is right.

    Args:
        run (Mapping): The result of the network.
        base (Mapping): The result of the baseline, on the same cells.

    Returns:
        dict[str, float]: ``fixed_pct`` and ``broken_pct``, see :class:`Comparison`.
    """
    names = main_corruptions(run['data'], list(run['summary']['corruption_error_pct']))
    mine, theirs = (
        np.stack([
            unpack_hits(cell)
            for cell in sorted(result['cells'], key=lambda c: (c['corruption'], c['severity']))
            if cell['corruption'] in names
        ])
        for result in (run, base)
    )
    return dict(
        fixed_pct=100 * float((mine & ~theirs).mean()),
        broken_pct=100 * float((theirs & ~mine).mean()),
    )


def differences(run: Mapping[str, Any], base: Mapping[str, Any]) -> dict[str, Any]:
    """Subtract the baseline's errors from those of a run, with paired intervals.

    Args:
        run (Mapping): The result of the network.
        base (Mapping): The result of the baseline, on the same images and cells.

    Returns:
        dict: The differences, see :class:`Comparison`.
    """
    draws = run['summary']['bootstrap']
    names = list(run['summary']['corruption_error_pct'])

    def difference(errors: Callable[[Mapping[str, Any]], np.ndarray]) -> dict[str, float]:
        return mean_estimate(errors(run) - errors(base), **draws)

    def over(names: Sequence[str]) -> dict[str, float]:
        weights = dict.fromkeys(names, 1.0)
        return difference(lambda result: image_errors(result['cells'], weights))

    clean = None
    if run['clean'] is not None and base['clean'] is not None:
        clean = difference(lambda result: 100.0 * ~unpack_hits(result['clean']))
    return dict(
        clean_error_pct=clean,
        raw_mce_pct=over(main_corruptions(run['data'], names)),
        categories_pct={
            kind: over(scored) for kind, scored in scored_kinds(run['data'], names).items()
        },
        corruption_error_pct={name: over([name]) for name in names},
    )
