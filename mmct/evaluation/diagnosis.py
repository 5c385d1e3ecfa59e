"""The corrupted error of networks, taken apart into what adds up to it."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from .comparison import compare
from .known_errors import known_share
from .predictions import unpack_predictions
from .summary import image_errors, main_corruptions, mean_estimate, scored_kinds, unpack_hits

CLEAN, STATISTICS = 'clean images', 'BN statistics'
"""The parts that are no category of corruptions."""

_MARKS = ('weights_sha256', 'fp16')


def diagnose(
    results: Sequence[Mapping[str, Any]],
    reliance: Mapping[str, Sequence[Mapping[str, Any]]] | None = None,
    without_bn: Sequence[str] = (),
    baseline: int = 0,
    common: bool = False,
) -> dict[str, Any]:
    """Take the corrupted errors of networks apart.

    The parts of a network's raw mCE add up to it: what BatchNorm's statistics, estimated anew
    on images of each cell, take away (a mismatch of statistics); of what is left, the error
    on clean images; and what each category of corruptions adds to that.

    Args:
        results (Sequence[Mapping]): As :func:`read_result` gives them. One that was scored with
            re-estimated statistics belongs to the one of the same weights that was not.
        reliance (Mapping, optional): What :func:`mmct.scoring.measure_reliance` gives, by the
            network's name.
        without_bn (Sequence[str]): Names of networks that are known to have no BatchNorm.
        baseline (int): What the others are compared with: its number among the results
            without re-estimated statistics. Defaults to 0, the first.
        common (bool): Whether on the cells that all have. Defaults to False.

    Returns:
        dict: JSON-able. ``data`` and ``severities`` as in result files, ``level`` of the
        intervals, ``baseline`` (a name; None for one network), and a dict for each of the
        ``networks``. What has an interval is a dict of ``value``, ``low`` and ``high``, in %:

        - ``name``, ``clean``, ``corrupted`` (raw mCE), ``rise`` (of it above the clean error),
          ``parts`` (by name) and ``largest``: the name of the largest part, and of those
          which the paired interval of the difference does not tell from it;
        - ``has_bn`` (None: not known), ``batches`` of each cell that the statistics were
          estimated on (None: they were not);
        - ``confidence``: ``known``, see :func:`known_share`, ``too_sure`` (mean confidence minus
          accuracy; both None without predictions) and ``ece``, each of ``clean`` and
          ``corrupted`` images;
        - ``reliance``, as given, or None;
        - ``against``: this network's errors minus the baseline's, ``clean``, ``corrupted`` and
          ``categories``; and the names of the categories where its error is ``lower`` or
          ``higher`` when the level is shared out among them (Bonferroni): of many intervals one
          leaves out 0 by chance. None for the baseline.

    Raises:
        ValueError: If there are no clean images, the results are not of the same images or
            cells, or one with re-estimated statistics stands alone.
    """
    plain, twins = _paired(results)
    if not 0 <= baseline < len(plain):
        raise ValueError(f'there are {len(plain)} networks, but the baseline is number {baseline}')
    known = [twin for twin in twins if twin is not None]
    shown = compare([*plain, *known], common=common).results
    for result in shown:
        if result['clean'] is None:
            raise ValueError(
                f'{result["name"]} was scored without clean images, which its corrupted error is '
                'compared with: score it on them, too'
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
    """The errors of a result, image by image, in %. (N,) each."""

    def __init__(self, result: Mapping[str, Any]) -> None:
        self.result, self.draws = result, result['summary']['bootstrap']
        self.names = main_corruptions(result['data'], result['summary']['corruption_error_pct'])
        self.clean = 100.0 * ~unpack_hits(result['clean'])
        self.corrupted = self.over(self.names)
        self.kinds = scored_kinds(result['data'], self.names)

    def over(self, names: Sequence[str]) -> np.ndarray:
        return image_errors(self.result['cells'], dict.fromkeys(names, 1.0))

    def share(self, kind: str) -> float:
        """Return the share of the mean that is over the corruptions of a kind."""
        return len(self.kinds[kind]) / len(self.names)

    def estimate(self, values: np.ndarray, **changes: float) -> dict[str, float]:
        return mean_estimate(np.round(values, 9), **{**self.draws, **changes})

    def cells(self) -> Iterator[Mapping[str, Any]]:
        return (cell for cell in self.result['cells'] if cell['corruption'] in self.names)


def _parts(own: _Errors, twin: _Errors | None) -> dict[str, Any]:
    # With wrong statistics the clean error is a part of the mismatch, too.
    left = own if twin is None else twin
    parts = {} if twin is None else {STATISTICS: own.corrupted - twin.corrupted}
    parts[CLEAN] = left.clean
    for kind, names in own.kinds.items():
        # So weighted, they add up.
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
    """Read the confidence in the top class, and where it is right; older files lack the former."""
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
    """Tell networks from their twins with re-estimated statistics; None where there is none."""
    plain = [result for result in results if not result['model'].get('recalibrate_bn')]
    twins: list[Mapping[str, Any] | None] = [None] * len(plain)
    marks = [_mark(result) for result in plain]
    for result in results:
        if not result['model'].get('recalibrate_bn'):
            continue
        if _mark(result) not in marks:
            raise ValueError(
                f'{result["name"]} was scored with re-estimated BN statistics: give the result of '
                'the same weights without them, too'
            )
        number = marks.index(_mark(result))
        if twins[number] is not None:
            raise ValueError(
                f'{result["name"]} is there twice with re-estimated BN statistics: give one of them'
            )
        twins[number] = result
    if not plain:
        raise ValueError('there is no result to diagnose')
    return plain, twins


def _mark(result: Mapping[str, Any]) -> tuple:
    return tuple(result['model'][key] for key in _MARKS)
