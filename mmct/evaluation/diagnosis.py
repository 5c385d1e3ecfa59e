"""Decompose the corrupted error of networks into parts that add up to it."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from .comparison import compare
from .known_errors import known_share
from .predictions import unpack_predictions
from .summary import image_errors, main_corruptions, mean_estimate, scored_kinds, unpack_hits

CLEAN, STATISTICS = 'clean images', 'BN statistics'
"""The parts that are not categories of corruptions."""

_MARKS = ('weights_sha256', 'fp16')


def diagnose(
    results: Sequence[Mapping[str, Any]],
    reliance: Mapping[str, Sequence[Mapping[str, Any]]] | None = None,
    without_bn: Sequence[str] = (),
    baseline: int = 0,
    common: bool = False,
) -> dict[str, Any]:
    """Decompose the corrupted error of each network.

    The parts add up to the network's raw mCE, the mean error over corruptions and severities.
    They are the mismatch of BN statistics (the error that goes away when statistics are
    re-estimated on images of each cell), the remaining error on clean images, and the error that
    each category of corruptions adds to that. A cell is a corruption at a severity.

    Args:
        results (Sequence[Mapping]): The results, as :func:`read_result` returns them. A result
            with re-estimated statistics belongs to the result of the same weights without them.
        reliance (Mapping, optional): The results of :func:`mmct.scoring.measure_reliance`, by
            name of the network. Defaults to None.
        without_bn (Sequence[str]): Names of networks that are known to have no BatchNorm.
            Defaults to none.
        baseline (int): Position of the network that the others are compared with, among the
            results without re-estimated statistics. Defaults to 0: the first.
        common (bool): Whether to use only the cells that all results have. Defaults to False.

    Returns:
        dict: A diagnosis that JSON can hold: ``data`` and ``severities`` as in result files, the
        ``level`` of the intervals, the name of the ``baseline`` (None for a single network), and
        a dict for each of the ``networks``. Numbers with an interval are dicts of ``value``,
        ``low`` and ``high``, in %. The keys of a network are:

        - ``name``, ``clean``, ``corrupted`` (raw mCE), ``rise`` (raw mCE minus clean error),
          ``parts`` (by name), and ``largest``, the names of the largest part and of those that
          do not differ significantly from it (by the paired interval);
        - ``has_bn`` (None if unknown) and ``batches``, the number per cell on which statistics
          were re-estimated (None if they were not);
        - ``confidence``, for ``clean`` and ``corrupted`` images: ``known`` (see
          :func:`known_share`), ``too_sure`` (mean confidence minus accuracy) and ``ece``; the
          first two are None without predictions;
        - ``reliance``, as given, or None;
        - ``against``, None for the baseline: this network's errors minus the baseline's, as
          ``clean``, ``corrupted`` and ``categories``, and the names of the categories in which
          its error is significantly ``lower`` or ``higher``. The level is split among the
          categories (Bonferroni), as one of many intervals excludes 0 by chance.

    Raises:
        ValueError: If clean images were not scored, the results are not of the same images or
            cells, or a result with re-estimated statistics has no partner without them.
    """
    plain, twins = _paired(results)
    if not 0 <= baseline < len(plain):
        raise ValueError(f'there are {len(plain)} networks, but baseline is {baseline}')
    known = [twin for twin in twins if twin is not None]
    shown = compare([*plain, *known], common=common).results
    for result in shown:
        if result['clean'] is None:
            raise ValueError(
                f'{result["name"]} was scored without clean images, but a diagnosis compares '
                'errors with those on clean images: score it on them, too'
            )
    adapted = iter(shown[len(plain):])
    pairs = [
        (_Errors(result), None if twin is None else _Errors(next(adapted)))
        for result, twin in zip(shown[: len(plain)], twins, strict=True)
    ]
    base = pairs[baseline][0]
    networks = []
    for own, twin in pairs:
        name = own.result['name']
        networks.append(
            dict(
                name=name,
                clean=own.estimate(own.clean),
                corrupted=own.estimate(own.corrupted),
                rise=own.estimate(own.corrupted - own.clean),
                **_parts(own, twin),
                has_bn=True if twin else False if name in without_bn else None,
                batches=None if twin is None else twin.result['model']['recalibrate_bn'],
                confidence=_confidence(own),
                reliance=(reliance or {}).get(name),
                against=None if own is base else _against(own, base),
            )
        )
    return dict(
        data=dict(base.result['data']),
        severities=base.result['summary']['severities'],
        level=base.draws['level'],
        baseline=base.result['name'] if len(pairs) > 1 else None,
        networks=networks,
    )


class _Errors:
    """The errors of a result on each image, in %, (N,) each."""

    def __init__(self, result: Mapping[str, Any]) -> None:
        self.result, self.draws = result, result['summary']['bootstrap']
        self.names = main_corruptions(result['data'], result['summary']['corruption_error_pct'])
        self.clean = 100.0 * ~unpack_hits(result['clean'])
        self.corrupted = self.over(self.names)
        self.kinds = scored_kinds(result['data'], self.names)

    def over(self, names: Sequence[str]) -> np.ndarray:
        return image_errors(self.result['cells'], dict.fromkeys(names, 1.0))

    def share(self, kind: str) -> float:
        """Return the fraction of the corruptions that belong to a category."""
        return len(self.kinds[kind]) / len(self.names)

    def estimate(self, values: np.ndarray, **changes: float) -> dict[str, float]:
        return mean_estimate(np.round(values, 9), **{**self.draws, **changes})

    def cells(self) -> Iterator[Mapping[str, Any]]:
        return (cell for cell in self.result['cells'] if cell['corruption'] in self.names)


def _parts(own: _Errors, twin: _Errors | None) -> dict[str, Any]:
    # A mismatch of statistics also raises the clean error.
    left = own if twin is None else twin
    parts = {} if twin is None else {STATISTICS: own.corrupted - twin.corrupted}
    parts[CLEAN] = left.clean
    for kind, names in own.kinds.items():
        # With these weights the parts add up.
        parts[kind] = own.share(kind) * (left.over(names) - left.clean)
    top = max(parts, key=lambda name: parts[name].mean())
    largest = [
        name
        for name in sorted(parts, key=lambda name: -parts[name].mean())
        if name == top or own.estimate(parts[top] - parts[name])['low'] <= 0
    ]
    return dict(
        parts={name: own.estimate(values) for name, values in parts.items()}, largest=largest
    )


def _confidence(own: _Errors) -> dict[str, Any]:
    cells = dict(clean=[own.result['clean']], corrupted=list(own.cells()))
    return dict(
        ece={on: own.result['summary']['ece_pct'][on] for on in cells},
        **{
            score: {on: measure(own, found) for on, found in cells.items()}
            for score, measure in dict(known=_known, too_sure=_too_sure).items()
        },
    )


def _known(own: _Errors, cells: Sequence[Mapping[str, Any]]) -> dict[str, float] | None:
    said = [_said(cell) for cell in cells]
    draws = {key: own.draws[key] for key in ('level', 'seed')}
    return None if None in said else known_share(said, **draws)


def _too_sure(own: _Errors, cells: Sequence[Mapping[str, Any]]) -> dict[str, float] | None:
    said = [_said(cell) for cell in cells]
    if None in said:
        return None
    return own.estimate(100 * sum(sure - hits for sure, hits in said) / len(said))


def _said(cell: Mapping[str, Any]) -> tuple[np.ndarray, np.ndarray] | None:
    """Read confidences in the top class, and hits; None if an older file lacks confidences."""
    found = unpack_predictions(cell)
    if found is None:
        return None
    return np.exp(found.log_probabilities[:, 0], dtype=np.float64), unpack_hits(cell)


def _against(own: _Errors, base: _Errors) -> dict[str, Any]:
    values = {kind: own.over(names) - base.over(names) for kind, names in own.kinds.items()}
    strict = 1 - (1 - own.draws['level']) / len(values)
    sure = {kind: own.estimate(each, level=strict) for kind, each in values.items()}
    return dict(
        clean=own.estimate(own.clean - base.clean),
        corrupted=own.estimate(own.corrupted - base.corrupted),
        categories={kind: own.estimate(each) for kind, each in values.items()},
        lower=[kind for kind, found in sure.items() if found['high'] < 0],
        higher=[kind for kind, found in sure.items() if found['low'] > 0],
    )


def _paired(
    results: Sequence[Mapping[str, Any]],
) -> tuple[list[Mapping[str, Any]], list[Mapping[str, Any] | None]]:
    """Separate the networks from their twins with re-estimated statistics; None if one has none."""
    plain = [result for result in results if not result['model'].get('recalibrate_bn')]
    twins: list[Mapping[str, Any] | None] = [None] * len(plain)
    marks = [_mark(result) for result in plain]
    for result in results:
        if not result['model'].get('recalibrate_bn'):
            continue
        alike = [number for number, mark in enumerate(marks) if mark == _mark(result)]
        if not alike:
            raise ValueError(
                f'{result["name"]} was scored with re-estimated BN statistics: add the result of '
                'the same weights without them'
            )
        # The same weights may be given with two preprocessings, or under two names.
        behaves = _behaviour(result)
        number = min(alike, key=lambda n: (_behaviour(plain[n]) != behaves, twins[n] is not None))
        if twins[number] is not None:
            raise ValueError(
                f'{result["name"]} is given twice with re-estimated BN statistics: give only one'
            )
        twins[number] = result
    if not plain:
        raise ValueError('there are no results to diagnose')
    return plain, twins


def _mark(result: Mapping[str, Any]) -> tuple:
    return tuple(result['model'][key] for key in _MARKS)


def _behaviour(result: Mapping[str, Any]) -> str | None:
    return result['model'].get('behaviour_sha256')
