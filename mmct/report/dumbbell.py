"""Draw the figure for papers: the error of the baseline and the networks on each corruption."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from operator import getitem
from typing import TYPE_CHECKING, Any

import numpy as np

from .comparison import Comparison, compared_runs, run_names, scored_kinds, verdict_of
from .figures import LIGHT, Theme, blank, in_points, legend, run_looks, spoken, style
from .names import shortened

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class _Row:
    """A row of the figure: the errors of all runs and their differences to the baseline."""

    name: str
    errors: Sequence[float]
    intervals: Sequence[Sequence[float] | None]
    differences: Sequence[Mapping[str, float] | None]
    is_mean: bool = False


def dumbbell(comparison: Comparison, theme: Theme = LIGHT, narrow: bool = False) -> Figure:
    """Draw the error on each corruption, with lines from the baseline to the networks.

    Corruptions are grouped by category, with the greatest gain first. Bars are intervals of the
    bootstrap over images. If there is a single run and no baseline, its lines begin at its clean
    error.

    Args:
        comparison (Comparison): The runs.
        theme (Theme): Colours. Defaults to LIGHT.
        narrow (bool): Whether to draw for a narrow page. Defaults to False.

    Returns:
        Figure: The figure. For a single network, it shows the differences and their paired
        intervals at the side.
    """
    rows, runs = _rows(comparison), compared_runs(comparison)
    # Leave a space above each category.
    places = [place + 0.5 * sum(row.is_mean for row in rows[2 : place + 1])
              for place in range(len(rows))]  # fmt: skip
    height = (0.2 + 0.06 * (len(runs) - 1)) * (places[-1] + 2)
    figure = blank(4.0 if narrow else 7.4, height + 1.0, theme)
    axes = figure.add_subplot()
    style(axes, theme)
    axes.grid(visible=False, axis='y')
    for place, row in zip(places, rows, strict=True):
        if row.is_mean:
            axes.axhspan(place - 0.5, place + 0.5, color=theme.even, linewidth=0, zorder=0)
    _draw(axes, places, rows, comparison, theme)
    axes.set_ylim(places[-1] + 0.6, -1.4)
    axes.set_xlim(left=0)
    axes.set_yticks(places, [row.name for row in rows])
    axes.tick_params(axis='y', length=0, labelsize=8 if narrow else 9)
    for row, text in zip(rows, axes.get_yticklabels(), strict=True):
        text.set_fontweight('bold' if row.is_mean else 'normal')
    dotted = '' if comparison.baseline is None else '; dotted: no significant difference'
    axes.set_xlabel(f'error, %{dotted}', color=theme.ink, fontsize=9 if narrow else 10)
    if len(runs) == 1:
        _write_differences(axes, places, rows, comparison, theme, narrow)
    handles = axes.get_legend_handles_labels()[0]
    legend(figure, handles, 1 if narrow else min(3, len(handles)), theme)
    return figure


def _rows(comparison: Comparison) -> list[_Row]:
    results, differences = comparison.results, comparison.differences
    summaries = [result['summary'] for result in results]

    def row(name: str, *keys: str, intervals: Sequence[Any] = (), **settings: Any) -> _Row:
        return _Row(
            name,
            [reduce(getitem, keys, each) for each in summaries],
            intervals or [None] * len(results),
            [each and reduce(getitem, keys, each) for each in differences],
            **settings,
        )

    def over_images(key: str) -> list[Any]:
        return [summary[key] for summary in summaries]

    def gain(row: _Row) -> float:
        first = row.differences[compared_runs(comparison)[0]]
        return first['value'] if first else -row.errors[0]

    rows = []
    if all(summary['clean_error_pct'] is not None for summary in summaries):
        cells = over_images('clean_interval_pct')
        rows.append(row('clean', 'clean_error_pct', intervals=cells, is_mean=True))
    cells = over_images('raw_mce_interval_pct')
    rows.append(row('raw mCE', 'raw_mce_pct', intervals=cells, is_mean=True))
    kinds = scored_kinds(results[0])
    for kind, names in kinds.items():
        single = [
            row(
                spoken(name),
                'corruption_error_pct',
                name,
                intervals=[own[name] for own in comparison.intervals],
            )
            for name in names
        ]
        if kind != 'extra' and len(names) > 1:
            rows.append(row(spoken(kind), 'categories_pct', kind, is_mean=True))
        elif kind == 'extra':
            rows.append(_extra(single, differences, alone=len(kinds) == 1))
        rows += sorted(single, key=gain)
    return rows


def _extra(
    rows: Sequence[_Row], differences: Sequence[Mapping[str, Any] | None], alone: bool
) -> _Row:
    """Make the row of the extra corruptions, which no other mean includes beside others."""
    means = [sum(errors) / len(rows) for errors in zip(*(r.errors for r in rows), strict=True)]
    found = [each and each['categories_pct'].get('extra') for each in differences]
    title = 'extra' if alone else 'extra, in no mean'
    return _Row(title, means, [None] * len(means), found, is_mean=True)


def _draw(
    axes: Axes, places: Sequence[float], rows: Sequence[_Row], comparison: Comparison, theme: Theme
) -> None:
    names, base = [shortened(name) for name in run_names(comparison)], comparison.baseline
    looks = run_looks(names, base, theme)
    runs = compared_runs(comparison)
    heights = {
        run: [place + 0.64 * ((number + 0.5) / len(runs) - 0.5) for place in places]
        for number, run in enumerate(runs)
    }
    if base is not None:
        heights = {base: list(places)} | heights
    for run, ys in heights.items():
        xs = [row.errors[run] for row in rows]
        look = looks[run] | dict(linestyle='', zorder=4 if run == base else 3)
        axes.errorbar(xs, ys, xerr=_bars(rows, run), elinewidth=0.8, **look)
        if run == base:
            continue
        for significant, line in ((True, '-'), (False, ':')):
            chosen = [
                (start, x, y)
                for row, x, y in zip(rows, xs, ys, strict=True)
                if (start := _start(row, run, comparison)) is not None
                and _is_significant(row, run) == significant
            ]
            if chosen:
                starts, ends, at = zip(*chosen, strict=True)
                axes.hlines(at, starts, ends, looks[run]['color'], line, linewidth=1.8, zorder=2)
    if base is not None and len(runs) > 1:
        # With several networks, the lines begin above and below the baseline's dot.
        xs = [row.errors[base] for row in rows]
        low, high = ([place + end for place in places] for end in (-0.36, 0.36))
        axes.vlines(xs, low, high, theme.ink, linewidth=0.8, zorder=1)


def _is_significant(row: _Row, run: int) -> bool:
    found = row.differences[run]
    return found is None or verdict_of(found) != 'no significant difference'


def _bars(rows: Sequence[_Row], run: int) -> list[list[float]]:
    """Return the lengths of both sides of each interval, NaN where there is none."""
    sides = [
        [np.nan] * 2
        if row.intervals[run] is None
        else [max(0, row.errors[run] - row.intervals[run][0]),
              max(0, row.intervals[run][1] - row.errors[run])]
        for row in rows
    ]  # fmt: skip
    return np.transpose(sides)


def _start(row: _Row, run: int, comparison: Comparison) -> float | None:
    """Return where the line to a run's dot begins, or None if there is no line."""
    if comparison.baseline is not None:
        return row.errors[comparison.baseline]
    clean = comparison.results[run]['summary']['clean_error_pct']
    return clean if len(comparison.results) == 1 else None


def _write_differences(
    axes: Axes,
    places: Sequence[float],
    rows: Sequence[_Row],
    comparison: Comparison,
    theme: Theme,
    narrow: bool,
) -> None:
    """Write the difference to the baseline, or else to clean images, beside each row."""
    (run,) = compared_runs(comparison)
    summary, alone = comparison.results[run]['summary'], comparison.baseline is None
    if alone and summary['clean_error_pct'] is None:
        return
    title = 'over clean' if alone else 'points'
    if not alone and not narrow:
        title = f'difference, points [{100 * summary["bootstrap"]["level"]:g} %]'
    texts = [title]
    for row in rows:
        found = row.differences[run]
        if found is None:
            texts.append(in_points(row.errors[run] - summary['clean_error_pct']))
            continue
        ends = '' if narrow else f' [{in_points(found["low"])}, {in_points(found["high"])}]'
        texts.append(in_points(found['value']) + ends)
    beside = axes.twinx()
    beside.set_ylim(axes.get_ylim())
    beside.set_yticks([-1, *places], texts)
    beside.tick_params(length=0, labelsize=8, labelcolor=theme.ink)
    for spine in beside.spines.values():
        spine.set_visible(False)
    for row, text in zip(rows, beside.get_yticklabels()[1:], strict=True):
        text.set_alpha(1 if _is_significant(row, run) else 0.6)
