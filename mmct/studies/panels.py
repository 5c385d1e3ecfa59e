"""Panels for the groups of a study and looks for its variants, shared by its figures."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from mmct.report.figures import LIGHT, MARKERS, blank, style
from mmct.report.figures import legend as add_legend

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

T = TypeVar('T')


def by_group(plan: Mapping[str, Any], found: Mapping[str, T]) -> dict[str, dict[str, T]]:
    """Sort what was found of arms into the study's groups.

    Args:
        plan (Mapping): Content of ``study.json``.
        found (Mapping): By arm; those without are left out, and a group without arms.

    Returns:
        dict[str, dict]: Of each group, what was found of each variant.
    """
    groups: dict[str, dict[str, T]] = {}
    for name, arm in plan['arms'].items():
        if name in found:
            groups.setdefault(arm['group'], {})[arm['variant']] = found[name]
    return groups


def looks(names: Iterable[str]) -> dict[str, dict[str, str]]:
    """Choose colour and marker of each variant: they differ without colour, too.

    Args:
        names (Iterable[str]): Of all variants, in the order of the legend.

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
        for number, name in enumerate(dict.fromkeys(names))
    }


def variant_looks(plan: Mapping[str, Any]) -> dict[str, dict[str, str]]:
    """Choose the looks of a study's variants, the same in all its figures.

    Args:
        plan (Mapping): Content of ``study.json``.

    Returns:
        dict[str, dict[str, str]]: See :func:`looks`.
    """
    return looks(arm['variant'] for arm in plan['arms'].values())


def panels(
    names: Sequence[str], columns: int = 3, width: float = 2.9, height: float = 2.5
) -> tuple[Figure, dict[str, Axes]]:
    """Make a figure with a panel for each group.

    Args:
        names (Sequence[str]): Of the groups.
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
    figure = blank(width * columns + 0.4, height * rows + 0.5)
    places = list(figure.subplots(rows, columns, squeeze=False).flat)
    for place in places[len(names) :]:
        place.set_visible(False)
    made = dict(zip(names, places, strict=False))
    for name, axes in made.items():
        style(axes, title=name)
    return figure, made


def points(axes: Axes, xs: Any, ys: Any, look: Mapping[str, str], **errors: Any) -> None:
    """Draw values with their standard errors.

    Args:
        axes (Axes): Changed in place.
        xs (float | Sequence[float]): To the right.
        ys (float | Sequence[float]): Upwards.
        look (Mapping): See :func:`looks`.
        **errors (Any): ``xerr`` and ``yerr``, as for ``Axes.errorbar``.
    """
    axes.errorbar(xs, ys, linestyle='', markersize=6, capsize=2, **errors, **look)


def diagonal(axes: Axes) -> None:
    """Draw the line on which both axes have the same value.

    Args:
        axes (Axes): Changed in place.
    """
    low, high = axes.get_xlim()
    axes.axline((low, low), (high, high), color=LIGHT.ink, linewidth=0.8, linestyle='--', zorder=0)


def legend(figure: Figure, looks: Mapping[str, Mapping]) -> None:
    """Explain the looks above the panels, in as many rows as it takes.

    Args:
        figure (Figure): Changed in place.
        looks (Mapping): What :func:`looks` returned, or a part of it.
    """
    from matplotlib.lines import Line2D

    handles = [Line2D([], [], label=name, linewidth=1.4, **look) for name, look in looks.items()]
    # In inches, of the longest name at 9 points and of its line.
    entry = 0.45 + 0.063 * max(len(name) for name in looks)
    columns = min(len(handles), max(1, int(figure.get_figwidth() / entry)))
    rows = -(-len(handles) // columns)
    figure.set_figheight(figure.get_figheight() + 0.2 * (rows - 1))
    add_legend(figure, handles, columns)
