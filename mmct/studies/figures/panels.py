"""Panels of a study: one for each group, in which each variant has a colour."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from mmct.report.figures import LIGHT, MARKERS, style


def arms_by_group(plan: Mapping[str, Any]) -> dict[str, dict[str, str]]:
    """The arms of a study.

    Args:
        plan (Mapping): What ``study.json`` says.

    Returns:
        dict[str, dict[str, str]]: Of each group, the arm of each variant.
    """
    groups: dict[str, dict[str, str]] = {}
    for name, arm in plan['arms'].items():
        groups.setdefault(arm['group'], {})[arm['variant']] = name
    return groups


def variants(plan: Mapping[str, Any]) -> list[str]:
    """The variants of a study's arms, each once.

    Args:
        plan (Mapping): What ``study.json`` says.
    """
    return list(dict.fromkeys(arm['variant'] for arm in plan['arms'].values()))


def looks(names: Sequence[str]) -> dict[str, dict[str, str]]:
    """Colour and marker of each variant: they differ without colour, too.

    Args:
        names (Sequence[str]): Of all variants, each once.

    Returns:
        dict[str, dict[str, str]]: Keywords of ``Axes.plot``, by variant.
    """
    # Where both have come round, markers go on by one: no look comes twice.
    period = math.lcm(len(LIGHT.runs), len(MARKERS))
    return {
        name: dict(
            color=LIGHT.runs[number % len(LIGHT.runs)],
            marker=MARKERS[(number + number // period) % len(MARKERS)],
        )
        for number, name in enumerate(names)
    }


def panels(
    names: list[str], columns: int = 3, width: float = 2.9, height: float = 2.5
) -> tuple[Figure, dict[str, Axes]]:
    """A figure with a panel for each group.

    Args:
        names (list[str]): Of the groups.
        columns (int): Panels side by side, at most. Defaults to 3.
        width (float): Of a panel, in inches. Defaults to 2.9.
        height (float): The same. Defaults to 2.5.

    Returns:
        tuple[Figure, dict[str, Axes]]: The figure, and each group's panel.
    """
    columns = min(columns, len(names))
    rows = -(-len(names) // columns)
    if len(names) < 3:
        # Room for many arms where there are few panels.
        width, height = 1.8 * width / len(names) ** 0.25, 1.4 * height
    size = width * columns + 0.4, height * rows + 0.5
    figure = Figure(size, facecolor=LIGHT.paper)
    figure.set_layout_engine('constrained')
    places = list(figure.subplots(rows, columns, squeeze=False).flat)
    for place in places[len(names) :]:
        place.set_visible(False)
    made = dict(zip(names, places, strict=False))
    for name, axes in made.items():
        axes.set_title(name, fontsize=10, color=LIGHT.ink)
        axes.grid(color=LIGHT.faint, linewidth=0.6)
        style(axes, LIGHT)
    return figure, made


def legend(figure: Figure, looks: Mapping[str, Mapping[str, str]]) -> None:
    """Say what the colours are, above the panels, in as many rows as it takes.

    Args:
        figure (Figure): Changed in place.
        looks (Mapping): What :func:`looks` returned, or a part of it.
    """
    handles = [Line2D([], [], label=name, linewidth=1.4, **look) for name, look in looks.items()]
    # In inches, of the longest name at 9 points and of its line.
    entry = 0.45 + 0.063 * max(len(name) for name in looks)
    columns = min(len(handles), max(1, int(figure.get_figwidth() / entry)))
    rows = -(-len(handles) // columns)
    figure.set_figheight(figure.get_figheight() + 0.2 * (rows - 1))
    figure.legend(
        handles=handles,
        loc='outside upper left',
        ncols=columns,
        frameon=False,
        fontsize=9,
        labelcolor=LIGHT.ink,
    )
