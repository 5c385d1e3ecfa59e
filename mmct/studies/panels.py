"""Provide panels for the groups of a study and looks for its variants, for all figures."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import product
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from mmct.report.figures import LIGHT, MARKERS, blank, style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.text import Annotation
    from matplotlib.transforms import Bbox

T = TypeVar('T')

OTHERS = '#8b95a1'
"""The grey of variants that are neither CT nor compared with it."""
# Possible places of a name: steps to the right and up, and the alignment there.
_SIDES = (
    (1, 0, 'left', 'center'), (-1, 0, 'right', 'center'), (0, 1, 'center', 'bottom'),
    (0, -1, 'center', 'top'), (0.7, 0.7, 'left', 'bottom'), (0.7, -0.7, 'left', 'top'),
    (-0.7, 0.7, 'right', 'bottom'), (-0.7, -0.7, 'right', 'top'),
)  # fmt: skip
_DISTANCES = (7, 12, 19, 28, 40, 55)  # points


def by_group(plan: Mapping[str, Any], found: Mapping[str, T]) -> dict[str, dict[str, T]]:
    """Sort values of arms into the groups of the study.

    Args:
        plan (Mapping): Content of ``study.json``.
        found (Mapping): Values by arm.

    Returns:
        dict[str, dict]: The values by group and variant, without arms and groups that have none.
    """
    groups: dict[str, dict[str, T]] = {}
    for name, arm in plan['arms'].items():
        if name in found:
            groups.setdefault(arm['group'], {})[arm['variant']] = found[name]
    return groups


def looks(names: Iterable[str]) -> dict[str, dict[str, str]]:
    """Choose a colour and a marker for each variant, which differ without colour, too.

    Args:
        names (Iterable[str]): Names of all variants.

    Returns:
        dict[str, dict[str, str]]: Keyword arguments of ``Axes.plot`` by variant.
    """
    # When the combinations start to repeat, shift the markers by one: no look occurs twice.
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
        dict[str, dict[str, str]]: The looks, see :func:`looks`. In a study of CT there is one
        colour for CT and one for its controls; all others are grey.
    """
    arms = plan['arms']
    found = looks(arm['variant'] for arm in arms.values())
    against = [arm['baselines'] for arm in arms.values() if is_ct(arm['variant'])]
    return coloured(found, [arms[name]['variant'] for names in against for name in names])


def coloured(
    looks: Mapping[str, Mapping[str, str]], controls: Iterable[str]
) -> dict[str, dict[str, str]]:
    """Colour CT and its controls, and make the others grey; without CT change nothing.

    Args:
        looks (Mapping): The looks by name.
        controls (Iterable[str]): Names of the variants with which CT is compared.

    Returns:
        dict[str, dict[str, str]]: The coloured looks by name.
    """
    if not any(map(is_ct, looks)):
        return dict(looks)
    colours = dict.fromkeys(looks, OTHERS) | dict.fromkeys(controls, LIGHT.runs[1])
    colours |= {name: LIGHT.runs[0] for name in looks if is_ct(name)}
    return {name: dict(look, color=colours[name]) for name, look in looks.items()}


def is_ct(variant: str) -> bool:
    """Check by its name whether a variant is CT; docs/studies.md explains the names.

    Args:
        variant (str): Name of the variant.
    """
    return variant.startswith('CT')


def panels(
    names: Sequence[str],
    columns: int = 3,
    width: float = 2.9,
    sharex: bool = True,
) -> tuple[Figure, dict[str, Axes]]:
    """Make a figure with a panel for each group.

    Args:
        names (Sequence[str]): Names of the groups.
        columns (int): Maximum number of panels per row. Defaults to 3.
        width (float): Width of a panel in inches. Defaults to 2.9.
        sharex (bool): Whether all panels share the x axis; use False if names are on it.
            Defaults to True.

    Returns:
        tuple[Figure, dict[str, Axes]]: The figure, and the panel of each group. All panels share
        the y axis.
    """
    columns, height = min(columns, len(names)), 2.5
    rows = -(-len(names) // columns)
    if len(names) < 3:
        # With few panels there is more room for many arms.
        width, height = 1.8 * width / len(names) ** 0.25, 1.4 * height
    figure = blank(width * columns + 0.4, height * rows + 0.5)
    shared = dict(sharex=sharex, sharey=True)
    places = list(figure.subplots(rows, columns, squeeze=False, **shared).flat)
    for place in places[len(names) :]:
        place.set_visible(False)
    # Label the x axis of panels that have no panel below.
    for place in places[max(0, len(names) - columns) : len(names)]:
        place.tick_params(labelbottom=True)
    made = dict(zip(names, places, strict=False))
    for name, axes in made.items():
        style(axes, title=name)
    return figure, made


def points(axes: Axes, xs: Any, ys: Any, look: Mapping[str, str], **errors: Any) -> None:
    """Draw values with their standard errors.

    Args:
        axes (Axes): The axes, changed in place.
        xs (float | Sequence[float]): The x values.
        ys (float | Sequence[float]): The y values.
        look (Mapping): The look, see :func:`looks`.
        **errors (Any): The errors ``xerr`` and ``yerr`` for ``Axes.errorbar``.
    """
    axes.errorbar(xs, ys, linestyle='', markersize=6, capsize=2, **errors, **look)


def diagonal(axes: Axes) -> None:
    """Draw the line on which both axes have the same value, without changing the limits.

    Args:
        axes (Axes): The axes, changed in place.
    """
    view = axes.get_xlim(), axes.get_ylim()
    axes.axline((0, 0), slope=1, color=LIGHT.ink, linewidth=0.8, linestyle='--', zorder=0)
    axes.set(xlim=view[0], ylim=view[1])


def name_points(
    axes: Axes, places: Mapping[str, tuple[float, float]], looks: Mapping[str, Mapping]
) -> None:
    """Write names beside points where they cover the least, with a line to distant names.

    Args:
        axes (Axes): The axes, changed in place; the layout of the figure must be final, see
            :func:`settled`.
        places (Mapping): Position of each point by name. Earlier names choose their place first.
        looks (Mapping): The looks, whose colours are used, by name.
    """
    from matplotlib.patheffects import withStroke
    from matplotlib.transforms import Bbox

    view = axes.get_window_extent()
    points = axes.transData.transform(list(places.values()))
    pixel = axes.figure.dpi / 72
    taken = [Bbox.from_bounds(x - 4 * pixel, y - 4 * pixel, 8 * pixel, 8 * pixel)
             for x, y in points]  # fmt: skip
    taken += [Bbox(np.stack([ends.min(0) - 2, ends.max(0) + 2])) for ends in _drawn_lines(axes)]
    halo = [withStroke(linewidth=2, foreground=LIGHT.paper)]
    for name, place in places.items():
        colour = looks[name]['color']
        text = axes.annotate(
            name.replace('$', r'\$'), place, xytext=(0, 0), textcoords='offset points', fontsize=8,
            color=colour, zorder=5, path_effects=halo,
        )  # fmt: skip

        def cost(spot: tuple[float, tuple], text: Annotation = text) -> float:
            distance, (right, up, *anchor) = spot
            text.set(position=(distance * right, distance * up), ha=anchor[0], va=anchor[1])
            box = text.get_window_extent()
            covered = sum(_common(box, other) for other in taken)
            outside = box.width * box.height - _common(box, view)
            return covered + 5 * outside + distance * pixel

        best = min(product(_DISTANCES, _SIDES), key=cost)
        cost(best)
        taken.append(text.get_window_extent())
        if best[0] > _DISTANCES[1]:
            line = dict(arrowstyle='-', color=colour, linewidth=0.6, shrinkA=0, shrinkB=4)
            axes.annotate('', place, text.get_position(), textcoords='offset points',
                          arrowprops=line)  # fmt: skip


def settled(figure: Figure) -> None:
    """Finish the layout of a figure, so that anything placed by pixels stays there.

    Args:
        figure (Figure): The figure, changed in place.
    """
    figure.draw_without_rendering()
    figure.set_layout_engine('none')


def _drawn_lines(axes: Axes) -> Iterator[np.ndarray]:
    """Yield the ends, (2, 2) in pixels, of each error bar and of pieces of each arrow."""
    for container in axes.containers:
        # The bars of a bar chart have no error bars of their own.
        for lines in getattr(container, 'lines', ((), (), ()))[2]:
            for segment in lines.get_segments():
                # An unknown error has no bar, an unknown point none with ends.
                if len(segment) and np.isfinite(segment).all():
                    yield axes.transData.transform(segment)
    for arrow in axes.texts:
        ends = axes.transData.transform([arrow.xyann, arrow.xy])
        way = np.linspace(*ends, 20)
        yield from np.stack([way[:-1], way[1:]], 1)


def _common(one: Bbox, other: Bbox) -> float:
    width = min(one.x1, other.x1) - max(one.x0, other.x0)
    height = min(one.y1, other.y1) - max(one.y0, other.y0)
    return max(0.0, width) * max(0.0, height)
