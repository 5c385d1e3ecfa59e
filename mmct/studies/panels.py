"""Panels for the groups of a study and looks for its variants, shared by its figures."""

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
"""The grey of what is neither CT nor compared with it."""
# Where a name may stand: steps to the right and up, and how it is anchored there.
_SIDES = (
    (1, 0, 'left', 'center'), (-1, 0, 'right', 'center'), (0, 1, 'center', 'bottom'),
    (0, -1, 'center', 'top'), (0.7, 0.7, 'left', 'bottom'), (0.7, -0.7, 'left', 'top'),
    (-0.7, 0.7, 'right', 'bottom'), (-0.7, -0.7, 'right', 'top'),
)  # fmt: skip
_DISTANCES = (7, 12, 19, 28, 40, 55)  # points


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
        names (Iterable[str]): Of all variants.

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
        dict[str, dict[str, str]]: As :func:`looks`. In a study of CT colour tells what a variant
        is for: one colour for CT, one for what it is compared with, and grey for the others.
    """
    arms = plan['arms']
    found = looks(arm['variant'] for arm in arms.values())
    against = [arm['baselines'] for arm in arms.values() if is_ct(arm['variant'])]
    return coloured(found, [arms[name]['variant'] for names in against for name in names])


def coloured(
    looks: Mapping[str, Mapping[str, str]], controls: Iterable[str]
) -> dict[str, dict[str, str]]:
    """Colour CT and its controls, and grey the others; nothing changes where there is no CT.

    Args:
        looks (Mapping): By name.
        controls (Iterable[str]): What CT is compared with.

    Returns:
        dict[str, dict[str, str]]: The looks.
    """
    if not any(map(is_ct, looks)):
        return dict(looks)
    colours = dict.fromkeys(looks, OTHERS) | dict.fromkeys(controls, LIGHT.runs[1])
    colours |= {name: LIGHT.runs[0] for name in looks if is_ct(name)}
    return {name: dict(look, color=colours[name]) for name, look in looks.items()}


def is_ct(variant: str) -> bool:
    """Tell if a variant is CT, by its name, as docs/studies.md asks for.

    Args:
        variant (str): Its name.
    """
    return variant.startswith('CT')


def panels(
    names: Sequence[str],
    columns: int = 3,
    width: float = 2.9,
    height: float = 2.5,
    sharex: bool = True,
) -> tuple[Figure, dict[str, Axes]]:
    """Make a figure with a panel for each group.

    Args:
        names (Sequence[str]): Of the groups.
        columns (int): Panels side by side, at most. Defaults to 3.
        width (float): Of a panel, in inches. Defaults to 2.9.
        height (float): The same. Defaults to 2.5.
        sharex (bool): Whether all have the same x axis; False where its places are names.
            Defaults to True.

    Returns:
        tuple[Figure, dict[str, Axes]]: The figure, and each group's panel; all have the same
        y axis.
    """
    columns = min(columns, len(names))
    rows = -(-len(names) // columns)
    if len(names) < 3:
        # Room for many arms where there are few panels.
        width, height = 1.8 * width / len(names) ** 0.25, 1.4 * height
    figure = blank(width * columns + 0.4, height * rows + 0.5)
    shared = dict(sharex=sharex, sharey=True)
    places = list(figure.subplots(rows, columns, squeeze=False, **shared).flat)
    for place in places[len(names) :]:
        place.set_visible(False)
    # Where the panel below is empty, the axis is labelled here.
    for place in places[max(0, len(names) - columns) : len(names)]:
        place.tick_params(labelbottom=True)
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
    """Draw the line on which both axes have the same value, as far as it is in view.

    Args:
        axes (Axes): Changed in place.
    """
    view = axes.get_xlim(), axes.get_ylim()
    axes.axline((0, 0), slope=1, color=LIGHT.ink, linewidth=0.8, linestyle='--', zorder=0)
    axes.set(xlim=view[0], ylim=view[1])


def name_points(
    axes: Axes, places: Mapping[str, tuple[float, float]], looks: Mapping[str, Mapping]
) -> None:
    """Write names beside points, where they cover least; with a line where that is far away.

    Args:
        axes (Axes): Changed in place; its figure has no layout to come, see :func:`settled`.
        places (Mapping): Where each point is, by name. What stands first chooses first.
        looks (Mapping): The colours, by name.
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
    """Lay a figure out for good: what is placed by pixels now stays there.

    Args:
        figure (Figure): Changed in place.
    """
    figure.draw_without_rendering()
    figure.set_layout_engine('none')


def _drawn_lines(axes: Axes) -> Iterator[np.ndarray]:
    """Yield both ends of each error bar, and of pieces of each arrow: (2, 2), in pixels."""
    for container in axes.containers:
        # Bars of a bar chart have none of their own.
        for lines in getattr(container, 'lines', ((), (), ()))[2]:
            for segment in lines.get_segments():
                # An error that is not known has no bar.
                if np.isfinite(segment).all():
                    yield axes.transData.transform(segment)
    for arrow in axes.texts:
        ends = axes.transData.transform([arrow.xyann, arrow.xy])
        way = np.linspace(*ends, 20)
        yield from np.stack([way[:-1], way[1:]], 1)


def _common(one: Bbox, other: Bbox) -> float:
    width = min(one.x1, other.x1) - max(one.x0, other.x0)
    height = min(one.y1, other.y1) - max(one.y0, other.y0)
    return max(0.0, width) * max(0.0, height)
