"""Make further tables of a study beside the table of its arms: that of DomainBed."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from itertools import chain
from typing import TYPE_CHECKING, Any

from mmct.report import Number, Row, Table

from .registry import TABLES
from .summary import diverged_seeds, mean_and_error, seed_results

if TYPE_CHECKING:
    from pandas import DataFrame, Series

TRAINING_DOMAINS = 'training-domain validation'
LEAVE_ONE_OUT = 'leave-one-domain-out'
ORACLE = 'test-domain validation (oracle)'
"""The ways to select a draw of settings, with DomainBed's names."""
ONE_SETTING = 'one setting, none selected'
"""The title if there is nothing to select from."""

ERRORS_NOTE = (
    '± is one standard error over trials. The variance divides by the number of trials minus one '
    "for values measured here, but by the number of trials for DomainBed's published values; for "
    'three trials, multiply their errors by 1.22 to compare them.'
)
"""The note below published rows."""

Values = Callable[[str, str], dict[int, Any]]
"""A function that takes an arm and a path and returns values by seed."""


@TABLES.register_module()
class DomainTable:
    """Test accuracy of the selected draw, for each method and test domain.

    A method has one arm for each test domain and draw of settings. In each seed (a
    trial) a draw is selected in one of the ways of DomainBed
    (https://arxiv.org/abs/2007.01434, section 3): by the mean accuracy on the
    hold-outs of the training domains; by the mean over training domains of the
    accuracy of a network that was trained without this domain and the test domain;
    or, by an oracle, on the hold-out of the test domain.

    Args:
        arms (Mapping): Lists of arms, one per draw, by method and test domain.
        pairs (Mapping, optional): By method and test domain, a dict for each draw: the
            arms that were trained without the test domain and another domain, by that
            domain. Defaults to None: no leave-one-domain-out.
        baselines (Mapping, optional): By method, the methods with which it is compared,
            paired by seed. Defaults to None: none.
        published (Mapping, optional): DomainBed's accuracies, which were not
            measured here, by way to select, title of the row, and column, as a number
            or a text with a standard error. Defaults to None.
        score (str): Name of the :class:`~mmct.studies.scores.DomainScore`. Defaults to 'domains'.

    Raises:
        ValueError: If methods, domains or draws do not match.
    """

    def __init__(
        self,
        arms: Mapping[str, Mapping[str, Sequence[str]]],
        pairs: Mapping[str, Mapping[str, Sequence[Mapping[str, str]]]] | None = None,
        baselines: Mapping[str, Sequence[str]] | None = None,
        published: Mapping[str, Mapping[str, Mapping[str, float | str]]] | None = None,
        score: str = 'domains',
    ) -> None:
        self.arms, self.pairs, self.baselines = arms, pairs or {}, baselines or {}
        self.published, self.score = published or {}, score
        if not arms or not all(by and all(by.values()) for by in arms.values()):
            raise ValueError('each method and test domain must have at least one arm')
        domains = {tuple(by) for by in arms.values()}
        if len(domains) > 1:
            # The columns are those of all methods.
            lists = ' and '.join(', '.join(names) for names in sorted(domains))
            raise ValueError(f'all methods must have the same domains in one order, not {lists}')
        if self.pairs and {m: _counts(by) for m, by in self.pairs.items()} != {
            m: _counts(by) for m, by in arms.items()
        }:
            raise ValueError('pairs must have as many draws as arms, for each method and domain')
        named = chain(self.baselines, *self.baselines.values())
        unknown = set(named) - {*arms}
        if unknown:
            raise ValueError(f'baselines: there is no method {min(unknown)!r}')

    def __call__(self, plan: Mapping[str, Any], results: Mapping[str, Mapping]) -> dict[str, Any]:
        """Select draws and average their accuracies over seeds.

        Args:
            plan (Mapping): Content of ``study.json``.
            results (Mapping): Results of finished cells by key.

        Returns:
            dict: By way to select (or ``ONE_SETTING``), method and column, the mean and
            standard error in %, and the same for ``differences`` by baseline; the number of
            ``trials`` that are planned, and the seeds in which all draws ``diverged``. The
            columns are the test domains, and ``mean`` and ``worst`` over them.
        """
        ways = [TRAINING_DOMAINS, *([LEAVE_ONE_OUT] if self.pairs else []), ORACLE]
        if all(len(arms) == 1 for by_domain in self.arms.values() for arms in by_domain.values()):
            ways = [ONE_SETTING]

        def values(arm: str, path: str) -> dict[int, float]:
            # A network that diverged is worse than any other: it is then not selected.
            worst = dict.fromkeys(diverged_seeds(plan, results, arm), -math.inf)
            return {**worst, **seed_results(plan, results, arm, path)}

        return {way: self._rows(values, way, len(plan['seeds'])) for way in ways}

    def to_markdown(self, found: Mapping[str, Mapping[str, Mapping]]) -> str:
        """Write the tables, one for each way to select.

        Args:
            found (Mapping): The result of calling the table.

        Returns:
            str: The Markdown text, with published rows marked as such.
        """
        tables = [
            f'{_title(way)}, accuracy in %:\n\n{self._table(way, rows).to_markdown()}'
            for way, rows in found.items()
        ]
        note = [f'{ERRORS_NOTE}\n'] if any(self.published.get(way) for way in found) else []
        return '\n'.join(tables + note)

    def _rows(self, values: Values, way: str, trials: int) -> dict[str, dict[str, Any]]:
        ended = {method: self._accuracies(values, method, way) for method in self.arms}
        found = {method: own.replace(-math.inf, math.nan) for method, own in ended.items()}
        return {
            method: {
                column: dict(
                    **mean_and_error(own[column].dropna()),
                    trials=trials,
                    diverged=[int(s) for s in own.index[ended[method][column] == -math.inf]],
                    differences={
                        # pandas aligns the seeds.
                        other: mean_and_error((own[column] - found[other][column]).dropna())
                        for other in self.baselines.get(method, ())
                    },
                )
                for column in own
            }
            for method, own in found.items()
        }

    def _accuracies(self, values: Values, method: str, way: str) -> DataFrame:
        """Select a draw for each test domain; (seeds, domains and their mean and worst).

        Where all draws diverged, there is minus infinity.
        """
        import pandas as pd

        selected = {
            domain: self._selected(values, method, domain, way) for domain in self.arms[method]
        }
        domains = pd.DataFrame(selected).sort_index()
        # A mean over domains needs all of them.
        whole = domains.dropna()
        return domains.assign(mean=whole.mean(axis=1), worst=whole.min(axis=1))

    def _selected(self, values: Values, method: str, domain: str, way: str) -> Series:
        """Return the test accuracy of the best draw in each seed in which all draws have ended."""
        import pandas as pd

        def by_arm(paths: Mapping[str, str]) -> DataFrame:
            scores = [values(arm, f'{self.score}.{path}') for arm, path in paths.items()]
            return pd.DataFrame(scores, dtype=float)  # (arms, seeds)

        arms = self.arms[method][domain]
        tested = by_arm(dict.fromkeys(arms, f'test_pct.{domain}'))
        if way == ONE_SETTING:
            return tested.loc[0]
        if way == LEAVE_ONE_OUT:
            # The mean over training domains, each with a network that was trained without it.
            draws = self.pairs[method][domain]
            left_out = [{arm: f'test_pct.{d}' for d, arm in draw.items()} for draw in draws]
            criteria = pd.DataFrame([by_arm(paths).mean(skipna=False) for paths in left_out])
        else:
            path = 'validation_pct' if way == TRAINING_DOMAINS else f'holdout_pct.{domain}'
            criteria = by_arm(dict.fromkeys(arms, path))
        tested, criteria = tested.dropna(axis=1), criteria.dropna(axis=1)
        # The first among equal draws.
        criteria = criteria.where(tested > -math.inf, -math.inf)
        best = {seed: criteria[seed].idxmax() for seed in criteria if seed in tested}
        # The best of draws that diverged is one of them.
        found = {
            seed: tested.at[draw, seed] if criteria.at[draw, seed] > -math.inf else -math.inf
            for seed, draw in best.items()
        }
        return pd.Series(found, dtype=float)

    def _table(self, way: str, found: Mapping[str, Mapping]) -> Table:
        columns = list(next(iter(found.values())))
        rows = []
        for method, by_column in found.items():
            whole = by_column['mean']
            ended = whole['count'] + len(whole['diverged'])
            said = ended_of(ended, whole['trials'], len(whole['diverged']))
            rows += rows_of(method, list(by_column.values()), self.baselines.get(method, ()), said)
        for title, values in self.published.get(way, {}).items():
            cells = ['', *(str(values.get(column, '')) for column in columns)]
            rows.append(Row(f'{title} (published, not measured here)', cells))
        return Table(['', 'trials', *columns], rows)


def ended_of(ended: int, planned: int, diverged: int) -> str:
    """Say how many runs of a row have ended, and how many of them have diverged.

    Args:
        ended (int): Number of runs that have ended.
        planned (int): Number of runs that are planned.
        diverged (int): Number of the ended runs that diverged.

    Returns:
        str: A text such as '3 of 3, 1 diverged'.
    """
    return f'{ended} of {planned}' + (f', {diverged} diverged' if diverged else '')


def rows_of(
    name: str, values: Sequence[Mapping], baselines: Sequence[str], *before: str
) -> list[Row]:
    """Make the row of an arm, with rows of its differences to baselines below it.

    Args:
        name (str): Name of the arm.
        values (Sequence[Mapping]): Value of each column, as :func:`summarise_arms` returns it.
        baselines (Sequence[str]): Names of the baselines.
        *before (str): Cells before those of the values.

    Returns:
        list[Row]: The rows; differences to baselines without results are left out.
    """
    rows = [Row(name, [*before, *map(Number.over_seeds, values)])]
    for baseline in baselines:
        found = [value['differences'].get(baseline) for value in values]
        cells = [Number(None) if d is None else Number.over_seeds(d, signed=True) for d in found]
        rows.append(Row(f'minus {baseline}', ['' for _ in before] + cells, indented=True))
    return [row for row in rows if not (row.indented and row.empty)]


def _counts(by_domain: Mapping[str, Sequence]) -> dict[str, int]:
    return {domain: len(draws) for domain, draws in by_domain.items()}


def _title(way: str) -> str:
    return way.capitalize() if way == ONE_SETTING else f'Selected by {way}'
