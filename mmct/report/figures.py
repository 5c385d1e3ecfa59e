"""The figures of a report."""

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

Results = Sequence[Mapping[str, Any]]

# Runs are told apart without colour, too.
MARKERS = 'os^Dv*PX<>hp'
LINES = ('-', '--', '-.', ':')


@dataclass(frozen=True)
class Theme:
    """Colours of a figure.

    Attributes:
        paper (str): Of the background, as that of the page.
        ink (str): Of text and lines.
        faint (str): Of grids.
        runs (tuple[str, ...]): Of the curves, again from the first when used up.
    """

    paper: str
    ink: str
    faint: str
    runs: tuple[str, ...]


# Okabe and Ito's colours, which colour-blind readers tell apart.
LIGHT = Theme(
    '#ffffff', '#1b1f24', '#d5dae0',
    ('#0072b2', '#d55e00', '#009e73', '#cc79a7', '#8a6d00', '#56b4e9'),
)  # fmt: skip
DARK = Theme(
    '#14171c', '#e6e9ee', '#3a414b',
    ('#56b4e9', '#e69f00', '#29c79a', '#e79bc4', '#f0e442', '#8fb8ff'),
)  # fmt: skip


def heat_map(results: Results, theme: Theme = LIGHT) -> Figure:
    """The error of each corruption and run, the numbers in the cells.

    Args:
        results (Sequence[Mapping]): As result files have them.
        theme (Theme): Colours. Defaults to LIGHT.

    Returns:
        Figure: A row for each corruption, a column for each run.
    """
    rows = _ordered(results[0])
    errors = np.array([[r['summary']['corruption_error_pct'][n] for r in results] for n, _ in rows])
    figure = Figure((2.6 + 1.05 * len(results), 1.6 + 0.3 * len(rows)), facecolor=theme.paper)
    axes = figure.add_subplot()
    # Lightness falls evenly: it reads the same in black and white.
    low, high = errors.min(), max(errors.max(), errors.min() + 1)
    axes.imshow(errors, cmap='cividis_r', vmin=low, vmax=high, aspect='auto')
    for (row, column), error in np.ndenumerate(errors):
        dark_cell = (error - low) / (high - low) > 0.55
        colour = '#ffffff' if dark_cell else '#000000'
        axes.text(column, row, f'{error:.1f}', ha='center', va='center', color=colour, fontsize=9)
    axes.set_yticks(range(len(rows)), [_spoken(name) for name, _ in rows])
    names = [_shortened(result['name']) for result in results]
    long = any(len(name) > 12 for name in names) or len(names) > 4
    axes.set_xticks(
        range(len(names)), names, rotation=35 if long else 0, ha='left' if long else 'center'
    )
    axes.xaxis.tick_top()
    for position, ((_, kind), (_, after)) in enumerate(zip(rows, rows[1:], strict=False)):
        if kind != after:
            axes.axhline(position + 0.5, color=theme.paper, linewidth=3)
    style(axes, theme)
    axes.tick_params(length=0)
    axes.set_xlabel('mean error over severities, in %', color=theme.ink)
    figure.set_layout_engine('constrained')
    return figure


def severity_curves(results: Results, theme: Theme = LIGHT, columns: int = 5) -> Figure:
    """Error against severity: a panel for each corruption, a curve for each run.

    Args:
        results (Sequence[Mapping]): As result files have them.
        theme (Theme): Colours. Defaults to LIGHT.
        columns (int): Panels side by side. Defaults to 5.

    Returns:
        Figure: The panels share both axes.
    """
    names = [name for name, _ in _ordered(results[0])]
    columns = min(columns, len(names))
    rows = -(-len(names) // columns)
    legend = 0.28 * -(-len(results) // max(1, columns // 2)) + 0.2
    figure = Figure((1.95 * columns + 0.4, 1.6 * rows + legend), facecolor=theme.paper)
    panels = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False)
    severities = results[0]['summary']['severities']
    for panel in panels.flat[len(names):]:
        panel.set_visible(False)
    for panel, name in zip(panels.flat, names, strict=False):
        for number, result in enumerate(results):
            errors = [c['error_pct'] for c in result['cells'] if c['corruption'] == name]
            panel.plot(
                severities,
                errors,
                color=theme.runs[number % len(theme.runs)],
                marker=MARKERS[number % len(MARKERS)],
                linestyle=LINES[number % len(LINES)],
                markersize=4,
                linewidth=1.2,
                label=_shortened(result['name']),
            )
        panel.set_title(_spoken(name), fontsize=9, color=theme.ink)
        panel.set_xticks(severities)
        panel.grid(color=theme.faint, linewidth=0.6)
        style(panel, theme)
    # When all are drawn: the panels share it.
    panels[0, 0].set_ylim(bottom=0)
    # Where the panel below is empty, the axis is labelled here.
    for panel in panels.flat[max(0, len(names) - columns):len(names)]:
        panel.tick_params(labelbottom=True)
    figure.supxlabel('severity', fontsize=10, color=theme.ink)
    figure.supylabel('error, %', fontsize=10, color=theme.ink)
    figure.legend(
        *panels[0, 0].get_legend_handles_labels(),
        loc='outside upper left',
        ncols=max(1, columns // 2),
        frameon=False,
        labelcolor=theme.ink,
        fontsize=9,
    )
    figure.set_layout_engine('constrained')
    return figure


def png(figure: Figure) -> bytes:
    """Draw a figure.

    Args:
        figure (Figure): Any.

    Returns:
        bytes: A PNG file, the same for the same figure.
    """
    content = io.BytesIO()
    FigureCanvasAgg(figure).print_png(content, metadata=dict(Software=None))
    return content.getvalue()


def _ordered(result: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The corruptions that were scored, each with its kind."""
    kinds = {
        name: kind for kind, names in result['data']['categories'].items() for name in names
    }
    return [(name, kinds.get(name, '')) for name in result['summary']['corruption_error_pct']]


def style(axes: Axes, theme: Theme) -> None:
    """Give axes the colours of a theme.

    Args:
        axes (Axes): Changed in place.
        theme (Theme): Colours.
    """
    axes.set_facecolor(theme.paper)
    axes.tick_params(colors=theme.ink, labelsize=9)
    for spine in axes.spines.values():
        spine.set_color(theme.faint)


def _spoken(name: str) -> str:
    return name.replace('_', ' ')


def _shortened(name: str, length: int = 28) -> str:
    # A dollar sign would begin a formula.
    name = name.replace('$', r'\$')
    # In the middle: runs often differ at the end.
    half = length // 2
    return name if len(name) <= length else f'{name[:length - half - 1]}…{name[-half:]}'
