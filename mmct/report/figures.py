"""Share what all figures have, drawn with Matplotlib: colours, looks, files; plain curves."""

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
        better (str): The end of a scale where a network is better; ``worse`` is the other,
            ``even`` the middle.
    """

    paper: str
    ink: str
    faint: str
    runs: tuple[str, ...]
    better: str
    worse: str
    even: str


# Okabe and Ito's colours, which colour-blind readers tell apart.
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


FORMATS = ('png', 'svg', 'pdf')
"""What :func:`drawn` writes."""


def png(figure: Figure) -> bytes:
    """Draw a figure.

    Args:
        figure (Figure): Any.

    Returns:
        bytes: A PNG file, the same for the same figure.
    """
    return drawn(figure, 'png')


def drawn(figure: Figure, kind: str, dpi: float = 100) -> bytes:
    """Draw a figure as a file.

    Args:
        figure (Figure): Any.
        kind (str): One of ``FORMATS``.
        dpi (float): Pixels of an inch, in a PNG file. Defaults to 100.

    Returns:
        bytes: The file, the same for the same figure.
    """
    import matplotlib
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    content = io.BytesIO()
    if kind == 'png':
        figure.set_dpi(dpi)
        # Not savefig: that draws twice.
        FigureCanvasAgg(figure).print_png(content, metadata=dict(Software=None))
        return content.getvalue()
    # Publishers refuse Type 3 fonts; marks in an SVG file are hashed with a salt.
    settings = {'pdf.fonttype': 42, 'svg.hashsalt': 'mmct'}
    unsaid = dict(svg='Date', pdf='CreationDate')[kind]
    with matplotlib.rc_context(settings):
        figure.savefig(content, format=kind, metadata={unsaid: None})
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
            # Powers of ten alone would be one label, or none.
            panel.yaxis.set_minor_formatter(plain if high < 12 * low else NullFormatter())
        style(panel, theme, title)
        panel.tick_params(which='minor', colors=theme.ink, labelsize=8)
    label(figure, xlabel, ylabel, theme)
    legend(figure, figure.axes[0].get_legend_handles_labels()[0], 3, theme)
    return figure


def run_looks(
    names: Sequence[str], baseline: int | None, theme: Theme = LIGHT
) -> list[dict[str, Any]]:
    """Choose the looks of runs, the same in all figures of a report.

    Args:
        names (Sequence[str]): Of the runs, in legends.
        baseline (int, optional): Which of them has no colour, and an empty circle.
        theme (Theme): Colours. Defaults to LIGHT.

    Returns:
        list[dict]: Keywords of ``Axes.plot``.
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
    """Write a difference into a figure.

    Args:
        value (float): In points of error.

    Returns:
        str: With its sign; what is rounded to zero has none.
    """
    # A minus sign, not a hyphen.
    return f'{value:+.1f}'.replace('-', '\u2212') if abs(value) >= 0.05 else '0.0'


def spoken(name: str) -> str:
    """Write the name of a corruption as words.

    Args:
        name (str): Such as 'gaussian_noise'.

    Returns:
        str: Such as 'gaussian noise'.
    """
    return name.replace('_', ' ')


def look(number: int, name: str, theme: Theme = LIGHT) -> dict[str, Any]:
    """Choose colour, marker and line of a curve.

    Args:
        number (int): Which of the curves.
        name (str): In the legend.
        theme (Theme): Colours. Defaults to LIGHT.

    Returns:
        dict: Keywords of ``Axes.plot``.
    """
    return dict(
        label=name,
        color=theme.runs[number % len(theme.runs)],
        marker=MARKERS[number % len(MARKERS)],
        linestyle=_LINES[number % len(_LINES)],
        markersize=4,
    )
