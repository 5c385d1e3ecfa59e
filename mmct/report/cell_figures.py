"""Draw the figures over corruptions and severities: a heat map and curves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from textwrap import fill
from typing import TYPE_CHECKING, Any

import numpy as np

from .comparison import Comparison, compared_runs, run_names, scored_kinds
from .figures import (
    LIGHT,
    Theme,
    blank,
    in_points,
    label,
    legend,
    run_looks,
    spoken,
    style,
)
from .names import shortened

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.colors import Colormap
    from matplotlib.figure import Figure

# Fixed scales, in points of error or in %, so that reports can be compared.
_DIFFERENCES, _INCREASES, _ERRORS = (-20, 20), (0, 60), (0, 100)
# With more networks, one panel each with all severities would be too wide.
_PANELS = 3


def heat_map(comparison: Comparison, theme: Theme = LIGHT, narrow: bool = False) -> Figure:
    """Draw the change on each corruption against the baseline, or without one, clean images.

    The colour scale is fixed and ends at 20 points of difference or 60 points of increase; the
    numbers in the cells may exceed it.

    Args:
        comparison (Comparison): The runs.
        theme (Theme): Colours. Defaults to LIGHT.
        narrow (bool): Whether to draw for a narrow page. Defaults to False.

    Returns:
        Figure: A heat map with a row per corruption. Up to three networks have one panel each,
        with the severities as columns. With more networks, or on narrow pages, the figure shows
        means over severities, with a column per network.
    """
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import Normalize

    runs, names = compared_runs(comparison), run_names(comparison)
    kinds = scored_kinds(comparison.results[0])
    corruptions = [name for members in kinds.values() for name in members]
    severities = comparison.results[0]['summary']['severities']
    values, limits, what = _changes(comparison, corruptions)
    if len(runs) > _PANELS or len(severities) == 1 or (narrow and len(runs) > 1):
        heads = [[shortened(names[run], 14) for run in runs]]
        shown, titles = [values.mean(2).T], ['']
    else:
        heads = [[str(severity) for severity in severities] for _ in runs]
        shown, titles = list(values), [shortened(names[run]) for run in runs]
    width = sum(0.5 * len(head) + 0.25 for head in heads) if titles[0] else 0.72 * len(runs)
    figure = blank(4.0 if narrow else max(4.4, 2.0 + width), 1.8 + 0.24 * len(corruptions), theme)
    panels = figure.subplots(1, len(shown), sharey=True, squeeze=False)[0]
    scale, colours = Normalize(*limits), _colours(theme, diverging=limits[0] < 0)
    for axes, cells, head, title in zip(panels, shown, heads, titles, strict=True):
        style(axes, theme, title, grid=False)
        _draw_cells(axes, cells, scale, colours, signed=limits is not _ERRORS)
        turned = dict(rotation=35, ha='left') if not title and max(map(len, head)) > 6 else {}
        axes.set_xticks(range(len(head)), head, **turned)
        axes.xaxis.tick_top()
        axes.tick_params(length=0)
        for end in np.cumsum([len(members) for members in kinds.values()])[:-1]:
            axes.axhline(end - 0.5, color=theme.paper, linewidth=4)
    panels[0].set_yticks(range(len(corruptions)), [spoken(name) for name in corruptions])
    bar = figure.colorbar(
        ScalarMappable(scale, colours), ax=list(panels), location='bottom', fraction=0.04,
        aspect=20 if len(shown) == 1 else 40, pad=0.02, extend='both' if limits[0] < 0 else 'max',
    )  # fmt: skip
    bar.set_label(fill(what, 44), color=theme.ink, fontsize=9)
    bar.ax.tick_params(colors=theme.ink, labelsize=8)
    bar.outline.set_edgecolor(theme.faint)
    return figure


def severity_curves(comparison: Comparison, theme: Theme = LIGHT, narrow: bool = False) -> Figure:
    """Draw error against severity, with a panel per category and a curve per run.

    Args:
        comparison (Comparison): The runs.
        theme (Theme): Colours. Defaults to LIGHT.
        narrow (bool): Whether to draw for a narrow page, with two panels per row. Defaults to
            False.

    Returns:
        Figure: Curves of the mean over a category's corruptions, beginning at the clean images.
        The extra corruptions, which no mean includes, have a separate panel.
    """
    results, names = comparison.results, [shortened(name) for name in run_names(comparison)]
    looks = run_looks(names, comparison.baseline, theme)
    kinds = scored_kinds(results[0])
    columns = min(2 if narrow else 5, len(kinds))
    rows = -(-len(kinds) // columns)
    in_legend = 1 if narrow else max(1, columns - 1)
    space = 0.24 * -(-len(results) // in_legend) + 0.4
    # A single panel must leave room for the legend.
    figure = blank(max(1.95 * columns + 0.4, 3.6), 2.1 * rows + space, theme)
    panels = figure.subplots(rows, columns, sharey=True, squeeze=False)
    severities = results[0]['summary']['severities']
    for panel in panels.flat[len(kinds):]:
        panel.set_visible(False)
    for panel, (kind, members) in zip(panels.flat, kinds.items(), strict=False):
        for number, result in enumerate(results):
            xs, ys = _curve(result, members)
            panel.plot(xs, ys, linewidth=1.4, **looks[number])
        title = 'extra, in no mean' if kind == 'extra' and len(kinds) > 1 else spoken(kind)
        style(panel, theme, title)
        if kind == 'extra':
            panel.set_facecolor(theme.even)
        known = results[0]['clean'] is not None
        panel.set_xticks([0, *severities] if known else severities)
        if known:
            panel.set_xticklabels(['clean', *map(str, severities)])
    # Set once all curves are drawn, as the panels share the axis.
    panels[0, 0].set_ylim(bottom=0)
    label(figure, 'severity', 'error, %', theme)
    legend(figure, panels[0, 0].get_legend_handles_labels()[0], in_legend, theme)
    return figure


def _changes(
    comparison: Comparison, corruptions: Sequence[str]
) -> tuple[np.ndarray, tuple[float, float], str]:
    """Collect the values of the heat map, (runs, corruptions, severities), its scale and label."""
    results, base = comparison.results, comparison.baseline
    runs = compared_runs(comparison)
    errors = np.array([_errors(results[run], corruptions) for run in runs])
    if base is not None:
        name = shortened(run_names(comparison)[base])
        what = f'points of error against {name}; below zero is better'
        return errors - _errors(results[base], corruptions), _DIFFERENCES, what
    clean = [results[run]['summary']['clean_error_pct'] for run in runs]
    if None in clean:
        return errors, _ERRORS, 'error, %'
    return errors - np.array(clean)[:, None, None], _INCREASES, 'points over the clean error'


def _errors(result: Mapping[str, Any], corruptions: Sequence[str]) -> np.ndarray:
    cells = {(c['corruption'], c['severity']): c['error_pct'] for c in result['cells']}
    severities = result['summary']['severities']
    return np.array([[cells[name, severity] for severity in severities] for name in corruptions])


def _colours(theme: Theme, diverging: bool) -> Colormap:
    from matplotlib.colors import LinearSegmentedColormap

    ends = [theme.better, theme.even, theme.worse] if diverging else [theme.even, theme.worse]
    return LinearSegmentedColormap.from_list('change', ends)


def _draw_cells(axes: Axes, cells: np.ndarray, scale: Any, colours: Colormap, signed: bool) -> None:
    axes.imshow(cells, cmap=colours, norm=scale, aspect='auto')
    for (row, column), value in np.ndenumerate(cells):
        # Weights of red, green and blue in perceived lightness.
        light = np.dot(colours(scale(value))[:3], (0.3, 0.59, 0.11))
        text = in_points(value) if signed else f'{value:.1f}'
        axes.text(
            column, row, text, ha='center', va='center', fontsize=8,
            color='#000000' if light > 0.5 else '#ffffff',
        )  # fmt: skip


def _curve(result: Mapping[str, Any], members: Sequence[str]) -> tuple[list[int], list[float]]:
    severities = result['summary']['severities']
    ys = _errors(result, members).mean(0).tolist()
    if result['clean'] is None:
        return severities, ys
    return [0, *severities], [result['clean']['error_pct'], *ys]
