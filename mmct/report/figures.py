"""Provide colours, styles and file formats for all figures, and draw plain curves."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

# Matplotlib is imported by the functions that draw, so that reading tables need not wait for it.
if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Curve = tuple[np.ndarray, np.ndarray, np.ndarray]
"""The values of a curve, and the lower and upper ends of their intervals."""

# Markers and lines distinguish runs without colour.
MARKERS = 'os^Dv*PX<>hp'
_LINES = ('-', '--', '-.', ':')


@dataclass(frozen=True)
class Theme:
    """The colours of a figure.

    Attributes:
        paper (str): Colour of the background and the page.
        ink (str): Colour of text and lines.
        faint (str): Colour of grids.
        runs (tuple[str, ...]): Colours of curves, used in turn.
        better (str): Colour at the end of a scale where a network is better.
        worse (str): Colour at the end of a scale where a network is worse.
        even (str): Colour in the middle of a scale.
    """

    paper: str
    ink: str
    faint: str
    runs: tuple[str, ...]
    better: str
    worse: str
    even: str


# The colours of Okabe and Ito, which colour-blind readers can distinguish.
LIGHT = Theme(
    '#ffffff', '#1b1f24', '#d5dae0',
    ('#0072b2', '#d55e00', '#009e73', '#cc79a7', '#8a6d00', '#56b4e9'),
    better='#0072b2', worse='#d55e00', even='#f4f5f6',
)  # fmt: skip
DARK = Theme(
    '#14171c', '#e6e9ee', '#3a414b',
    ('#56b4e9', '#e69f00', '#29c79a', '#e79bc4', '#f0e442', '#8fb8ff'),
    better='#56b4e9', worse='#e69f00', even='#262c34',
)  # fmt: skip


def blank(width: float, height: float, theme: Theme = LIGHT) -> Figure:
    """Make an empty figure.

    Args:
        width (float): Width in inches.
        height (float): Height in inches.
        theme (Theme): Colours. Defaults to LIGHT.

    Returns:
        Figure: The figure, whose layout keeps its parts from overlapping.
    """
    from matplotlib.figure import Figure

    return Figure((width, height), facecolor=theme.paper, layout='constrained')


def style(axes: Axes, theme: Theme = LIGHT, title: str = '', grid: bool = True) -> None:
    """Apply the colours of a theme to axes, and set a title.

    Args:
        axes (Axes): The axes, changed in place.
        theme (Theme): Colours. Defaults to LIGHT.
        title (str): Title above the axes. Defaults to none.
        grid (bool): Whether to draw grid lines. Defaults to True.
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
        figure (Figure): The figure, changed in place.
        x (str): Label below the panels. Defaults to none.
        y (str): Label beside the panels. Defaults to none.
        theme (Theme): Colours. Defaults to LIGHT.
    """
    if x:
        figure.supxlabel(x, fontsize=10, color=theme.ink)
    if y:
        figure.supylabel(y, fontsize=10, color=theme.ink)


def legend(figure: Figure, handles: Sequence[Any], columns: int, theme: Theme = LIGHT) -> None:
    """Add a legend above the panels.

    Args:
        figure (Figure): The figure, changed in place.
        handles (Sequence): Artists with labels.
        columns (int): Entries per row.
        theme (Theme): Colours. Defaults to LIGHT.
    """
    figure.legend(
        handles=handles, loc='outside upper left', ncols=columns, frameon=False, fontsize=9,
        labelcolor=theme.ink,
    )  # fmt: skip


FORMATS = ('png', 'svg', 'pdf')
"""The file formats of :func:`drawn`."""


def png(figure: Figure) -> bytes:
    """Draw a figure as a PNG file.

    Args:
        figure (Figure): Any figure.

    Returns:
        bytes: The file, the same for the same figure.
    """
    return drawn(figure, 'png')


def drawn(figure: Figure, kind: str, dpi: float = 100) -> bytes:
    """Draw a figure as a file.

    Args:
        figure (Figure): Any figure.
        kind (str): The format, one of ``FORMATS``.
        dpi (float): Pixels per inch of a PNG file. Defaults to 100.

    Returns:
        bytes: The file, the same for the same figure.
    """
    import matplotlib
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    content = io.BytesIO()
    if kind == 'png':
        figure.set_dpi(dpi)
        # Not savefig, which draws twice.
        FigureCanvasAgg(figure).print_png(content, metadata=dict(Software=None))
        return content.getvalue()
    # Publishers refuse Type 3 fonts; a fixed salt makes the ids in SVG files reproducible.
    settings = {'pdf.fonttype': 42, 'svg.hashsalt': 'mmct'}
    unsaid = dict(svg='Date', pdf='CreationDate')[kind]
    with matplotlib.rc_context(settings):
        figure.savefig(content, format=kind, metadata={unsaid: None})
    return content.getvalue()


def pixels(figure: Figure) -> np.ndarray:
    """Draw a figure as an array.

    Args:
        figure (Figure): Any figure.

    Returns:
        np.ndarray: An RGB image, uint8, (H, W, 3).
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return np.array(canvas.buffer_rgba())[..., :3].copy()


def curves(
    xs: Sequence[float],
    panels: Mapping[str, Mapping[str, Curve]],
    xlabel: str,
    ylabel: str,
    log: str = 'xy',
    theme: Theme = LIGHT,
) -> Figure:
    """Draw curves with intervals, with a panel per group.

    Args:
        xs (Sequence[float]): The x values of all curves.
        panels (Mapping): The panels by title; each maps names to curves.
        xlabel (str): Label below all panels.
        ylabel (str): Label beside the panels.
        log (str): The logarithmic axes: 'x', 'y', 'xy' or ''. Defaults to 'xy'.
        theme (Theme): Colours. Defaults to LIGHT.

    Returns:
        Figure: The panels, two per row, with a common legend.
    """
    from matplotlib.ticker import NullFormatter, NullLocator, StrMethodFormatter

    rows = -(-len(panels) // 2)
    figure = blank(8.4, 3.1 * rows + 0.5, theme)
    places = figure.subplots(rows, min(2, len(panels)), squeeze=False).flat
    for panel, (title, group) in zip(places, panels.items(), strict=False):
        for number, (name, (values, low, high)) in enumerate(group.items()):
            line = look(number, name, theme)
            panel.fill_between(xs, low, high, color=line['color'], alpha=0.2, linewidth=0)
            panel.plot(xs, values, **line)
        if 'x' in log:
            panel.set_xscale('log')
        panel.set_xticks(xs, [f'{x:g}' for x in xs])
        panel.xaxis.set_minor_locator(NullLocator())
        if 'y' in log:
            panel.set_yscale('log')
            plain = StrMethodFormatter('{x:g}')
            panel.yaxis.set_major_formatter(plain)
            low, high = panel.get_ylim()
            # Labels at powers of ten alone would be one or none.
            panel.yaxis.set_minor_formatter(plain if high < 12 * low else NullFormatter())
        style(panel, theme, title)
        panel.tick_params(which='minor', colors=theme.ink, labelsize=8)
    label(figure, xlabel, ylabel, theme)
    legend(figure, figure.axes[0].get_legend_handles_labels()[0], 3, theme)
    return figure


def run_looks(
    names: Sequence[str], baseline: int | None, theme: Theme = LIGHT
) -> list[dict[str, Any]]:
    """Choose the styles of runs, the same in all figures of a report.

    Args:
        names (Sequence[str]): Names of the runs in legends.
        baseline (int, optional): Position of the baseline, which has no colour and an empty
            circle as its marker.
        theme (Theme): Colours. Defaults to LIGHT.

    Returns:
        list[dict]: The keyword arguments of ``Axes.plot`` for each run.
    """
    numbers = iter(range(len(names)))
    return [
        dict(
            label=f'{name} (baseline)', color=theme.ink, marker='o', linestyle='-',
            markerfacecolor=theme.paper, markersize=5,
        )
        if number == baseline
        else look(next(numbers), name, theme) | dict(markersize=5)
        for number, name in enumerate(names)
    ]  # fmt: skip


def in_points(value: float) -> str:
    """Format a difference for a figure.

    Args:
        value (float): The difference in points of error.

    Returns:
        str: The number with its sign, or '0.0' if it rounds to zero.
    """
    # A minus sign, not a hyphen.
    return f'{value:+.1f}'.replace('-', '\u2212') if abs(value) >= 0.05 else '0.0'


def spoken(name: str) -> str:
    """Write the name of a corruption as words.

    Args:
        name (str): A name such as 'gaussian_noise'.

    Returns:
        str: Words such as 'gaussian noise'.
    """
    return name.replace('_', ' ')


def look(number: int, name: str, theme: Theme = LIGHT) -> dict[str, Any]:
    """Choose colour, marker and line style of a curve.

    Args:
        number (int): Position of the curve.
        name (str): Name of the curve in the legend.
        theme (Theme): Colours. Defaults to LIGHT.

    Returns:
        dict: The keyword arguments of ``Axes.plot``.
    """
    return dict(
        label=name,
        color=theme.runs[number % len(theme.runs)],
        marker=MARKERS[number % len(MARKERS)],
        linestyle=_LINES[number % len(_LINES)],
        markersize=4,
    )
