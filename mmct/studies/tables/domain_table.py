"""DomainBed's table: a row a method, a column a test domain, for each way to select."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ..live_table import shown
from ..registry import TABLES
from ..summary import mean_and_error, seed_results

TRAINING_DOMAINS = 'training-domain validation'
LEAVE_ONE_OUT = 'leave-one-domain-out'
ORACLE = 'test-domain validation (oracle)'
"""How a draw of settings is selected, as DomainBed calls it."""
ONE_SETTING = 'one setting, none selected'
"""Where there is nothing to select from."""


@TABLES.register_module()
class DomainTable:
    """Test accuracy of the draw that is selected, for each method and test domain.

    A method has one arm for each test domain and draw of settings. In each seed (a
    trial) a draw is selected, as in DomainBed (https://arxiv.org/abs/2007.01434,
    section 3): by the mean accuracy on the hold-outs of the training domains; by
    that on each training domain in turn, of a network that was trained without it
    and the test domain; or, by an oracle, on the hold-out of the test domain.

    Args:
        arms (Mapping): By method and test domain the arms of its draws, a list.
        pairs (Mapping, optional): By method and test domain, for each draw, the
            arms that were trained without it and another domain, by that
            domain. Defaults to None: no leave-one-domain-out.
        baselines (Mapping, optional): By method those that it is compared with,
            paired by seed. Defaults to None: none.
        published (Mapping, optional): Accuracies that were not measured here, by
            way to select, title of the row, and column. Defaults to None.
        score (str): Name of the :class:`DomainScore`. Defaults to 'domains'.
    """

    def __init__(
        self,
        arms: Mapping[str, Mapping[str, Sequence[str]]],
        pairs: Mapping[str, Mapping[str, Sequence[Mapping[str, str]]]] | None = None,
        baselines: Mapping[str, Sequence[str]] | None = None,
        published: Mapping[str, Mapping[str, Mapping[str, float]]] | None = None,
        score: str = 'domains',
    ) -> None:
        self.arms, self.pairs, self.baselines = arms, pairs or {}, baselines or {}
        self.published, self.score = published or {}, score

    def __call__(self, plan: Mapping[str, Any], results: Mapping[str, Mapping]) -> dict[str, Any]:
        """Select, and average over seeds.

        Args:
            plan (Mapping): What ``study.json`` says.
            results (Mapping): Of finished cells, by key.

        Returns:
            dict: By way to select (or ``ONE_SETTING``) and method: mean and
            standard error of each test domain, and of ``mean`` and ``worst`` over
            them, in %; and by baseline those of the ``differences``.
        """
        ways = [TRAINING_DOMAINS, *([LEAVE_ONE_OUT] if self.pairs else []), ORACLE]
        if all(len(arms) == 1 for by_domain in self.arms.values() for arms in by_domain.values()):
            ways = [ONE_SETTING]
        return {way: self._rows(plan, results, way) for way in ways}

    def _rows(
        self, plan: Mapping[str, Any], results: Mapping[str, Mapping], way: str
    ) -> dict[str, dict[str, Any]]:
        found = {method: self._by_column(plan, results, method, way) for method in self.arms}
        return {
            method: {
                column: dict(
                    **mean_and_error(list(values.values())),
                    differences={
                        other: mean_and_error(_paired(values, found[other][column]))
                        for other in self.baselines.get(method, ())
                    },
                )
                for column, values in columns.items()
            }
            for method, columns in found.items()
        }

    def _by_column(
        self, plan: Mapping[str, Any], results: Mapping[str, Mapping], method: str, way: str
    ) -> dict[str, dict[int, float]]:
        """The accuracy of each seed, in each column."""
        found = {
            domain: self._selected(plan, results, method, domain, way)
            for domain in self.arms[method]
        }
        # A mean over domains needs all of them.
        shared = sorted(set.intersection(*(set(by_seed) for by_seed in found.values())))
        together = {seed: [by_seed[seed] for by_seed in found.values()] for seed in shared}
        return {
            **found,
            'mean': {seed: float(np.mean(values)) for seed, values in together.items()},
            'worst': {seed: min(values) for seed, values in together.items()},
        }

    def _selected(
        self,
        plan: Mapping[str, Any],
        results: Mapping[str, Mapping],
        method: str,
        domain: str,
        way: str,
    ) -> dict[int, float]:
        """Test accuracy of the best draw in each seed that has all draws."""
        arms = self.arms[method][domain]
        if way == ONE_SETTING:
            return self._values(plan, results, arms[0], f'test_pct.{domain}')
        tested = [self._values(plan, results, arm, f'test_pct.{domain}') for arm in arms]
        if way == LEAVE_ONE_OUT:
            criteria = [
                self._without(plan, results, others) for others in self.pairs[method][domain]
            ]
        else:
            path = 'validation_pct' if way == TRAINING_DOMAINS else f'holdout_pct.{domain}'
            criteria = [self._values(plan, results, arm, path) for arm in arms]
        seeds = set.intersection(*(set(values) for values in (*tested, *criteria)))
        return {
            seed: tested[int(np.argmax([values[seed] for values in criteria]))][seed]
            for seed in sorted(seeds)
        }

    def _without(
        self, plan: Mapping[str, Any], results: Mapping[str, Mapping], others: Mapping[str, str]
    ) -> dict[int, float]:
        """Mean accuracy on each training domain of a network that lacked it."""
        found = [
            self._values(plan, results, arm, f'test_pct.{domain}')
            for domain, arm in others.items()
        ]
        seeds = set.intersection(*(set(values) for values in found))
        return {seed: float(np.mean([values[seed] for values in found])) for seed in seeds}

    def _values(
        self, plan: Mapping[str, Any], results: Mapping[str, Mapping], arm: str, path: str
    ) -> dict[int, float]:
        return seed_results(plan, results, arm, f'{self.score}.{path}')

    def to_markdown(self, found: Mapping[str, Mapping[str, Mapping]]) -> str:
        """The tables, one for each way to select.

        Args:
            found (Mapping): What the call returned.

        Returns:
            str: Markdown; rows that are published are marked as such.
        """
        return '\n'.join(
            f'{_title(way)}, accuracy in %:\n\n{self._table(way, rows)}'
            for way, rows in found.items()
        )

    def _table(self, way: str, rows: Mapping[str, Mapping]) -> str:
        columns = list(next(iter(rows.values())))
        lines = ['| | ' + ' | '.join(columns) + ' |', '| --- |' + ' ---: |' * len(columns)]
        for title, row in rows.items():
            lines.append(_line(title, [shown(row[column]) for column in columns]))
            for other in self.baselines.get(title, ()):
                differences = [row[column]['differences'][other] for column in columns]
                if any(difference['count'] for difference in differences):
                    cells = [shown(difference, sign=True) for difference in differences]
                    lines.append(_line(f'&nbsp; minus {other}', cells))
        for title, row in self.published.get(way, {}).items():
            cells = [str(row.get(column, '')) for column in columns]
            lines.append(_line(f'{title} (published, not measured here)', cells))
        return '\n'.join(lines) + '\n'


def _paired(own: Mapping[int, float], other: Mapping[int, float]) -> list[float]:
    return [value - other[seed] for seed, value in own.items() if seed in other]


def _title(way: str) -> str:
    return way.capitalize() if way == ONE_SETTING else f'Selected by {way}'


def _line(title: str, cells: Sequence[str]) -> str:
    return f'| {title} | ' + ' | '.join(cells) + ' |'
