"""Draw the figures of a study from its plan and the results of its finished cells."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import chain
from typing import TYPE_CHECKING, Any

import numpy as np

from mmct.messages import suggestion
from mmct.report.figures import LIGHT, blank, label, style
from mmct.runs.errors import CTError

from .panels import (
    OTHERS,
    by_group,
    coloured,
    diagonal,
    is_ct,
    looks,
    name_points,
    panels,
    points,
    settled,
    variant_looks,
)
from .registry import FIGURES, TABLES
from .summary import (
    Curves,
    axis,
    means_by_arm,
    scores_by_arm,
    summarise_arms,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_WORDS = dict(fontsize=10, color=LIGHT.ink)


@FIGURES.register_module()
class ErrorArrows:
    """Corrupted against clean error of each arm, with an arrow from its first baseline.

    There is a panel for each group. Points are means over seeds, and bars are the standard
    errors of the table. On the dashed line corrupted and clean error are equal. In a study
    of CT, only the arms of CT have arrows.

    Args:
        x (str): The score on the x axis, in %. Defaults to
            'corruption.clean_error_pct'.
        y (str): The score on the y axis, in %. Defaults to 'corruption.raw_mce_pct'.
    """

    def __init__(
        self, x: str = 'corruption.clean_error_pct', y: str = 'corruption.raw_mce_pct'
    ) -> None:
        self.x, self.y = x, y

    def __call__(self, plan: Mapping[str, Any], results: Mapping[str, Mapping]) -> Figure | None:
        """Draw the figure.

        Args:
            plan (Mapping): Content of ``study.json``.
            results (Mapping): Of finished cells, by key.

        Returns:
            Figure: None if no arm has both scores.
        """
        found = [means_by_arm(plan, results, path) for path in (self.x, self.y)]
        places = {
            name: [means[name] for means in found] for name in found[0] if name in found[1]
        }
        groups = by_group(plan, places)
        if not groups:
            return None
        appearance = variant_looks(plan)
        has_ct = any(map(is_ct, appearance))
        figure, axes = panels(list(groups))
        for name, (x, y) in places.items():
            arm, end = plan['arms'][name], (x['mean'], y['mean'])
            panel, look = axes[arm['group']], appearance[arm['variant']]
            points(panel, *end, look, xerr=x['standard_error'], yerr=y['standard_error'])
            for baseline in arm['baselines'][:1]:
                if baseline in places and (is_ct(arm['variant']) or not has_ct):
                    start = tuple(place['mean'] for place in places[baseline])
                    arrow = dict(arrowstyle='->', color=look['color'], alpha=0.6)
                    # End the arrow head before the marker, not under it.
                    panel.annotate('', end, start, arrowprops=dict(arrow, shrinkA=6, shrinkB=8))
        for panel in axes.values():
            panel.margins(0.15)
            diagonal(panel)
            # Label the panels, as a label of the figure may be far from a single panel.
            if panel.xaxis.get_tick_params()['labelbottom']:
                panel.set_xlabel('clean error, %', **_WORDS)
            if panel.get_subplotspec().is_first_col():
                panel.set_ylabel('corrupted error, %', **_WORDS)
        settled(figure)
        for group, arms in groups.items():
            ends = {name: (x['mean'], y['mean']) for name, (x, y) in arms.items()}
            name_points(axes[group], _ct_first(ends, appearance), appearance)
        return figure


@FIGURES.register_module()
class Gains:
    """The gain of CT over each of its controls, which sums up a study in one figure.

    Differences are paired by seed and have 95 % intervals. The left panel shows the clean error,
    the right one the corrupted error, on common axes. Left of zero CT is better; grey are
    intervals that contain zero, and differences of one seed, which have none. In a study without
    CT, the figure shows the differences of all arms.

    Args:
        x (str): The score of the left panel, in %. Defaults to
            'corruption.clean_error_pct'.
        y (str): The score of the right panel, in %. Defaults to 'corruption.raw_mce_pct'.
    """

    def __init__(
        self, x: str = 'corruption.clean_error_pct', y: str = 'corruption.raw_mce_pct'
    ) -> None:
        self.table = {'clean error': x, 'corrupted error': y}

    def __call__(self, plan: Mapping[str, Any], results: Mapping[str, Mapping]) -> Figure | None:
        """Draw the figure.

        Args:
            plan (Mapping): Content of ``study.json``.
            results (Mapping): Of finished cells, by key.

        Returns:
            Figure: None if no arm can be compared with another.
        """
        rows = summarise_arms(dict(plan, table=self.table), results)
        has_ct = any(is_ct(row['variant']) for row in rows)
        found = [
            (row['arm'], baseline, [row['values'][t]['differences'][baseline] for t in self.table])
            for row in rows
            if is_ct(row['variant']) or not has_ct
            for baseline in row['values']['corrupted error']['differences']
        ]
        found = [(*names, each) for *names, each in found if all(d['count'] for d in each)]
        if not found:
            return None
        figure = blank(8.4, 0.9 + 0.27 * len(found))
        axes = figure.subplots(1, 2, sharey=True, sharex=True)
        names = [_minus(plan['arms'], arm, baseline) for arm, baseline, _ in found]
        axes[0].set_yticks(range(len(found)), names)
        axes[0].set_ylim(len(found) - 0.5, -0.5)
        for number, (panel, title) in enumerate(zip(axes, self.table, strict=True)):
            style(panel, title=title)
            panel.axvline(0, color=LIGHT.ink, linewidth=0.8)
            panel.tick_params(axis='y', length=0)
            for place, (*_, differences) in enumerate(found):
                _draw_gain(panel, place, differences[number])
        label(figure, 'difference, points (below zero is better)')
        return figure


@FIGURES.register_module()
class TrainingPaths:
    """Corrupted against clean error of each arm from the first checkpoint to the last.

    At the same x networks have equal clean errors, so their corrupted errors are
    comparable even if one has learned less. There is a panel for each group.
    Thin lines are seeds; thick lines are their means at each epoch.

    Args:
        curve (str): The score, of type ``AlongTraining``. Defaults to 'along'.
    """

    def __init__(self, curve: str = 'along') -> None:
        self.curve = curve

    def __call__(self, plan: Mapping[str, Any], results: Mapping[str, Mapping]) -> Figure | None:
        """Draw the figure.

        Args:
            plan (Mapping): Content of ``study.json``.
            results (Mapping): Of finished cells, by key.

        Returns:
            Figure: None if no arm has the score.
        """
        groups = by_group(plan, scores_by_arm(plan, results, self.curve, Curves))
        if not groups:
            return None
        appearance = variant_looks(plan)
        figure, axes = panels(list(groups))
        ends: dict[str, dict[str, tuple[float, float]]] = {group: {} for group in groups}
        for group, arms in groups.items():
            for variant, curves in arms.items():
                names = 'clean_error_pct', 'raw_mce_pct'
                paths = [[axis(curve, name) for name in names] for curve in curves.values()]
                look = appearance[variant]
                for x, y in paths:
                    axes[group].plot(x, y, color=look['color'], linewidth=0.6, alpha=0.5)
                # Seeds with different checkpoints have no mean.
                if len({len(x) for x, _ in paths}) == 1:
                    axes[group].plot(*np.mean(paths, 0), linewidth=1.6, markersize=4, **look)
                ends[group][variant] = tuple(np.mean([(x[-1], y[-1]) for x, y in paths], 0))
        for panel in axes.values():
            diagonal(panel)
        label(figure, 'clean error, %', 'corrupted error, %')
        settled(figure)
        for group, places in ends.items():
            name_points(axes[group], _ct_first(places, appearance), appearance)
        return figure


@FIGURES.register_module()
class DomainAccuracies:
    """Accuracy of each method on each left-out domain, with the mean and the worst.

    Points are the means over seeds of a :class:`~mmct.studies.tables.DomainTable`, and bars
    are their standard errors. There is a panel for each way to select settings. Published
    rows are not drawn.

    Args:
        table (str): Name of the table in the study. Defaults to 'domains'.
    """

    def __init__(self, table: str = 'domains') -> None:
        self.table = table

    def __call__(self, plan: Mapping[str, Any], results: Mapping[str, Mapping]) -> Figure | None:
        """Draw the figure.

        Args:
            plan (Mapping): Content of ``study.json``.
            results (Mapping): Of finished cells, by key.

        Returns:
            Figure: None if no method has a result.

        Raises:
            CTError: If the study has no such table.
        """
        tables = plan['tables']
        if self.table not in tables:
            raise CTError(f'there is no table {self.table!r}; {suggestion(self.table, tables)}')
        built = TABLES.build(dict(tables[self.table]))
        found = built(plan, results)
        first = next(iter(found.values()))
        methods = [m for m, row in first.items() if any(v['count'] for v in row.values())]
        if not methods:
            return None
        # The looks stay the same while some methods have no results yet.
        appearance = looks(first)
        appearance = coloured(appearance, chain(*getattr(built, 'baselines', {}).values()))
        figure, axes = panels(list(found), columns=1, width=6.0)
        last: dict[str, dict[str, tuple[float, float]]] = {}
        for way, rows in found.items():
            columns, drawn = list(rows[methods[0]]), {}
            for number, method in enumerate(methods):
                # Spread the methods over 60 % of a column.
                shift = 0.6 * ((number + 0.5) / len(methods) - 0.5)
                xs = np.arange(len(columns)) + shift
                # Missing results are None, which becomes NaN and is not drawn.
                ys = np.array([value['mean'] for value in rows[method].values()], float)
                # One seed has no standard error.
                errors = [value['standard_error'] or 0 for value in rows[method].values()]
                points(axes[way], xs, ys, appearance[method], yerr=errors)
                drawn[method] = xs, ys
            axes[way].set_xticks(range(len(columns)), columns)
            axes[way].set_ylabel('accuracy, %', **_WORDS)
            # Separate the mean and the worst from the domains.
            axes[way].axvline(columns.index('mean') - 0.5, color=LIGHT.ink, linewidth=0.8)
            axes[way].grid(visible=False, axis='x')
            # Leave room for names beside the last column.
            axes[way].set_xlim(-0.6, len(columns) + 0.3)
            last[way] = {m: (xs[-1], ys[-1]) for m, (xs, ys) in drawn.items() if ys[-1] == ys[-1]}
        settled(figure)
        for way, places in last.items():
            name_points(axes[way], _ct_first(places, appearance), appearance)
        return figure


def _ct_first(places: Mapping[str, Any], looks: Mapping[str, Mapping]) -> dict[str, Any]:
    """Sort CT before its controls, and both before the others."""
    order = [LIGHT.runs[0], LIGHT.runs[1], OTHERS]
    ranks = {name: order.index(c) if (c := looks[name]['color']) in order else 0 for name in places}
    return {name: places[name] for name in sorted(places, key=ranks.get)}


def _minus(arms: Mapping[str, Mapping], arm: str, baseline: str) -> str:
    other = arms[baseline]
    name = other['variant'] if other['group'] == arms[arm]['group'] else baseline
    return f'{arm} − {name}'


def _draw_gain(axes: Axes, place: int, found: Mapping[str, Any]) -> None:
    """Draw a difference with its interval, if there are several seeds."""
    # Of one seed there is no interval, and nothing to say of significance.
    low, high = found['interval'] or (-np.inf, np.inf)
    colour = LIGHT.better if high < 0 else LIGHT.worse if low > 0 else OTHERS
    if found['interval']:
        axes.hlines(place, low, high, colour, linewidth=2)
    axes.plot(found['mean'], place, 'o', color=colour, markersize=5)
    text = f'{found["mean"]:+.1f}'.replace('-', '\u2212')
    axes.annotate(text, (found['mean'], place), (0, 4), textcoords='offset points', ha='center',
                  fontsize=8, color=LIGHT.ink)  # fmt: skip
