"""Curves with intervals, in panels side by side."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter, NullLocator, StrMethodFormatter

from .figures import LIGHT, LINES, MARKERS, Theme, style

Curve = tuple[np.ndarray, np.ndarray, np.ndarray]
"""Values and the two ends of their intervals."""


def curves(
    xs: Sequence[float],
    panels: Mapping[str, Mapping[str, Curve]],
    xlabel: str,
    ylabel: str,
    log: str = 'xy',
    theme: Theme = LIGHT,
) -> Figure:
    """Draw a panel for each group of curves.

    Args:
        xs (Sequence[float]): Of all curves.
        panels (Mapping): The curves of each panel by name, the panels by title.
        xlabel (str): Below all panels.
        ylabel (str): Beside them.
        log (str): The logarithmic axes: 'x', 'y', 'xy' or ''. Defaults to 'xy'.
        theme (Theme): Colours. Defaults to LIGHT.

    Returns:
        Figure: Two panels in a row; they have a legend in common.
    """
    rows = -(-len(panels) // 2)
    figure = Figure((8.4, 3.1 * rows + 0.5), facecolor=theme.paper, layout='constrained')
    axes = figure.subplots(rows, min(2, len(panels)), squeeze=False).flat
    for panel, (title, group) in zip(axes, panels.items(), strict=False):
        for number, (name, (values, low, high)) in enumerate(group.items()):
            colour = theme.runs[number % len(theme.runs)]
            panel.fill_between(xs, low, high, color=colour, alpha=0.2, linewidth=0)
            panel.plot(
                xs, values, color=colour, label=name, markersize=4,
                marker=MARKERS[number], linestyle=LINES[number % len(LINES)],
            )  # fmt: skip
        panel.set_title(title, fontsize=10, color=theme.ink)
        if 'x' in log:
            panel.set_xscale('log')
        panel.set_xticks(xs, [f'{x:g}' for x in xs])
        panel.xaxis.set_minor_locator(NullLocator())
        if 'y' in log:
            panel.set_yscale('log')
            plain = StrMethodFormatter('{x:g}')
            panel.yaxis.set_major_formatter(plain)
            low, high = panel.get_ylim()
            # Powers of ten alone would be one label, or none.
            panel.yaxis.set_minor_formatter(plain if high < 12 * low else NullFormatter())
        panel.grid(color=theme.faint, linewidth=0.6)
        style(panel, theme)
        panel.tick_params(which='minor', colors=theme.ink, labelsize=8)
    figure.supxlabel(xlabel, fontsize=10, color=theme.ink)
    figure.supylabel(ylabel, fontsize=10, color=theme.ink)
    handles = figure.axes[0].get_legend_handles_labels()
    figure.legend(
        *handles, loc='outside upper left', ncols=3, frameon=False, labelcolor=theme.ink
    )
    return figure
