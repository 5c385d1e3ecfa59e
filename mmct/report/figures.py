"""Figures of results, drawn with Matplotlib: heat map, severity curves, curves with intervals."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

# Matplotlib is imported where it draws: what only reads tables must not wait for it.
if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Results = Sequence[Mapping[str, Any]]
Curve = tuple[np.ndarray, np.ndarray, np.ndarray]
"""Values and the two ends of their intervals."""

# Runs are told apart without colour, too.
MARKERS = 'os^Dv*PX<>hp'
_LINES = ('-', '--', '-.', ':')


@dataclass(frozen=True)
class Theme:
    """The colours of a figure.

    Attributes:
        paper (str): Background, as that of the page.
        ink (str): Text and lines.
        faint (str): Grids.
        runs (tuple[str, ...]): Curves, again from the first when used up.
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


def blank(width: float, height: float, theme: Theme = LIGHT) -> Figure:
    """Make an empty figure.

    Args:
        width (float): In inches.
        height (float): In inches.
        theme (Theme): Colours. Defaults to LIGHT.

    Returns:
        Figure: It moves its parts so that none overlap.
    """
    from matplotlib.figure import Figure

    return Figure((width, height), facecolor=theme.paper, layout='constrained')


def style(axes: Axes, theme: Theme = LIGHT, title: str = '', grid: bool = True) -> None:
    """Give axes the colours of a theme, and a title.

    Args:
        axes (Axes): Changed in place.
        theme (Theme): Colours. Defaults to LIGHT.
        title (str): Above the axes. Defaults to none.
        grid (bool): Draw grid lines. Defaults to True.
    """
    axes.set_facecolor(theme.paper)
    axes.tick_params(colors=theme.ink, labelsize=9)
    for spine in axes.spines.values():
        spine.set_color(theme.faint)
    if title:
        axes.set_title(title, fontsize=10, color=theme.ink)
    if grid:
        axes.grid(color=theme.faint, linewidth=0.6)


def label(figure: Figure, x: str = '', y: str = '', theme: Theme = LIGHT) -> None:
    """Label the axes that all panels of a figure share.

    Args:
        figure (Figure): Changed in place.
        x (str): Below the panels. Defaults to none.
        y (str): Beside them. Defaults to none.
        theme (Theme): Colours. Defaults to LIGHT.
    """
    if x:
        figure.supxlabel(x, fontsize=10, color=theme.ink)
    if y:
        figure.supylabel(y, fontsize=10, color=theme.ink)


def legend(figure: Figure, handles: Sequence[Any], columns: int, theme: Theme = LIGHT) -> None:
    """Explain colours and markers above the panels.

    Args:
        figure (Figure): Changed in place.
        handles (Sequence): Artists that have a label.
        columns (int): Entries side by side.
        theme (Theme): Colours. Defaults to LIGHT.
    """
    figure.legend(
        handles=handles, loc='outside upper left', ncols=columns, frameon=False, fontsize=9,
        labelcolor=theme.ink,
    )  # fmt: skip


def png(figure: Figure) -> bytes:
    """Draw a figure.

    Args:
        figure (Figure): Any.

    Returns:
        bytes: A PNG file, the same for the same figure.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    content = io.BytesIO()
    FigureCanvasAgg(figure).print_png(content, metadata=dict(Software=None))
    return content.getvalue()


def pixels(figure: Figure) -> np.ndarray:
    """Draw a figure.

    Args:
        figure (Figure): Any.

    Returns:
        np.ndarray: RGB. uint8, (H, W, 3)
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return np.array(canvas.buffer_rgba())[..., :3].copy()


def heat_map(results: Results, theme: Theme = LIGHT) -> Figure:
    """Draw the error of each corruption and run, with the numbers in the cells.

    Args:
        results (Sequence[Mapping]): Contents of result files.
        theme (Theme): Colours. Defaults to LIGHT.

    Returns:
        Figure: A row for each corruption, a column for each run.
    """
    corruptions = list(results[0]['summary']['corruption_error_pct'])
    errors = np.array([
        [result['summary']['corruption_error_pct'][name] for result in results]
        for name in corruptions
    ])  # (corruptions, runs)
    figure = blank(2.6 + 1.05 * len(results), 1.6 + 0.3 * len(corruptions), theme)
    axes = figure.add_subplot()
    # Lightness falls evenly: it reads the same in black and white.
    low, high = errors.min(), max(errors.max(), errors.min() + 1)
    axes.imshow(errors, cmap='cividis_r', vmin=low, vmax=high, aspect='auto')
    for (row, column), error in np.ndenumerate(errors):
        colour = '#ffffff' if (error - low) / (high - low) > 0.55 else '#000000'  # dark cells
        axes.text(column, row, f'{error:.1f}', ha='center', va='center', color=colour, fontsize=9)
    axes.set_yticks(range(len(corruptions)), [spoken(name) for name in corruptions])
    names = [_shortened(result['name']) for result in results]
    turned = len(names) > 4 or max(map(len, names)) > 12
    look = dict(rotation=35, ha='left') if turned else {}
    axes.set_xticks(range(len(names)), names, **look)
    axes.xaxis.tick_top()
    for position in _boundaries(corruptions, results[0]['data']['categories']):
        axes.axhline(position, color=theme.paper, linewidth=3)
    style(axes, theme, grid=False)
    axes.tick_params(length=0)
    axes.set_xlabel('mean error over severities, in %', color=theme.ink)
    return figure


def severity_curves(results: Results, theme: Theme = LIGHT, columns: int = 5) -> Figure:
    """Draw error against severity: a panel for each corruption, a curve for each run.

    Args:
        results (Sequence[Mapping]): Contents of result files.
        theme (Theme): Colours. Defaults to LIGHT.
        columns (int): Panels side by side. Defaults to 5.

    Returns:
        Figure: The panels share both axes.
    """
    names = list(results[0]['summary']['corruption_error_pct'])
    columns = min(columns, len(names))
    rows = -(-len(names) // columns)
    in_legend = max(1, columns // 2)
    space = 0.28 * -(-len(results) // in_legend) + 0.2
    figure = blank(1.95 * columns + 0.4, 1.6 * rows + space, theme)
    panels = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False)
    severities = results[0]['summary']['severities']
    for panel in panels.flat[len(names):]:
        panel.set_visible(False)
    for panel, name in zip(panels.flat, names, strict=False):
        for number, result in enumerate(results):
            errors = [cell['error_pct'] for cell in result['cells'] if cell['corruption'] == name]
            look = _look(number, _shortened(result['name']), theme)
            panel.plot(severities, errors, linewidth=1.2, **look)
        style(panel, theme)
        panel.set_title(spoken(name), fontsize=9, color=theme.ink)
        panel.set_xticks(severities)
    # When all are drawn: the panels share it.
    panels[0, 0].set_ylim(bottom=0)
    # Where the panel below is empty, the axis is labelled here.
    for panel in panels.flat[max(0, len(names) - columns):len(names)]:
        panel.tick_params(labelbottom=True)
    label(figure, 'severity', 'error, %', theme)
    legend(figure, panels[0, 0].get_legend_handles_labels()[0], in_legend, theme)
    return figure


def curves(
    xs: Sequence[float],
    panels: Mapping[str, Mapping[str, Curve]],
    xlabel: str,
    ylabel: str,
    log: str = 'xy',
    theme: Theme = LIGHT,
) -> Figure:
    """Draw curves with intervals, a panel for each group.

    Args:
        xs (Sequence[float]): Places of the values of all curves.
        panels (Mapping): The curves of each panel by name, the panels by title.
        xlabel (str): Below all panels.
        ylabel (str): Beside them.
        log (str): The logarithmic axes: 'x', 'y', 'xy' or ''. Defaults to 'xy'.
        theme (Theme): Colours. Defaults to LIGHT.

    Returns:
        Figure: Two panels in a row; they have a legend in common.
    """
    from matplotlib.ticker import NullFormatter, NullLocator, StrMethodFormatter

    rows = -(-len(panels) // 2)
    figure = blank(8.4, 3.1 * rows + 0.5, theme)
    places = figure.subplots(rows, min(2, len(panels)), squeeze=False).flat
    for panel, (title, group) in zip(places, panels.items(), strict=False):
        for number, (name, (values, low, high)) in enumerate(group.items()):
            look = _look(number, name, theme)
            panel.fill_between(xs, low, high, color=look['color'], alpha=0.2, linewidth=0)
            panel.plot(xs, values, **look)
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
        style(panel, theme, title)
        panel.tick_params(which='minor', colors=theme.ink, labelsize=8)
    label(figure, xlabel, ylabel, theme)
    legend(figure, figure.axes[0].get_legend_handles_labels()[0], 3, theme)
    return figure


def spoken(name: str) -> str:
    """Write the name of a corruption as words.

    Args:
        name (str): Such as 'gaussian_noise'.

    Returns:
        str: Such as 'gaussian noise'.
    """
    return name.replace('_', ' ')


def _look(number: int, name: str, theme: Theme) -> dict[str, Any]:
    return dict(
        label=name,
        color=theme.runs[number % len(theme.runs)],
        marker=MARKERS[number % len(MARKERS)],
        linestyle=_LINES[number % len(_LINES)],
        markersize=4,
    )


def _boundaries(names: Sequence[str], categories: Mapping[str, Sequence[str]]) -> list[float]:
    """Return where one kind of corruption ends and the next begins."""
    kinds = [next((k for k, members in categories.items() if n in members), '') for n in names]
    return [i + 0.5 for i in range(len(kinds) - 1) if kinds[i] != kinds[i + 1]]


def _shortened(name: str, length: int = 28) -> str:
    # A dollar sign would begin a formula.
    name = name.replace('$', r'\$')
    # In the middle: runs often differ at the end.
    half = length // 2
    return name if len(name) <= length else f'{name[:length - half - 1]}…{name[-half:]}'
