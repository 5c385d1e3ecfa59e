"""Render a report: one HTML page from a template, and its figures as files."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .cell_figures import heat_map, severity_curves
from .comparison import Comparison, Results, compared_runs, run_names
from .dumbbell import dumbbell
from .figures import DARK, LIGHT, drawn, spoken
from .flips import pictures
from .scorecards import corruption_differences, data_line, difference_table, score_table
from .tables import Number, Row, Table
from .verdict import footnote, headline, verdict

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FIGURES: dict[str, Callable[..., Figure]] = dict(
    dumbbell=dumbbell, heatmap=heat_map, severities=severity_curves
)
"""The functions that draw the figures of a report, by the names of their files."""

_DARK, _NARROW = '(prefers-color-scheme: dark)', '(max-width: 40rem)'
# Pixels per inch, enough for screens of high resolution.
_DPI = 120
_SECTIONS = dict(
    corruptions='Each corruption',
    heatmap='Each severity',
    severities='Error against severity',
    pictures='Images',
    scores='All scores',
    differences='Differences to the baseline',
    settings='Settings',
)
_NETWORK = ['', 'run', 'config', 'checkpoint', 'SHA-256 of the weights', 'precision', 'mmct']


def render(comparison: Comparison, stem: str = 'report') -> dict[str, bytes]:
    """Render a report.

    Args:
        comparison (Comparison): The runs.
        stem (str): The beginning of all file names. Defaults to 'report'.

    Returns:
        dict[str, bytes]: The contents of the files by name: ``<stem>.html``, a self-contained
        page, and ``<stem>_<name>.png`` for each of ``FIGURES``.
    """
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    draw = {name: partial(figure, comparison) for name, figure in FIGURES.items()}
    # The heat map of one network fits a narrow page.
    narrow = set(FIGURES) - ({'heatmap'} if len(compared_runs(comparison)) == 1 else set())
    plain = {name: drawn(figure(), 'png', _DPI) for name, figure in draw.items()}
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent), autoescape=True, undefined=StrictUndefined
    )
    environment.filters['spoken'] = spoken
    page = environment.get_template('page.html.j2').render(
        _words(comparison),
        light=LIGHT,
        dark=DARK,
        figures={name: _picture(plain[name], draw[name], name in narrow) for name in FIGURES},
    )
    # File names that are no UTF-8 name classes and runs, too.
    files = {f'{stem}_{name}.png': content for name, content in plain.items()}
    return {f'{stem}.html': page.encode(errors='backslashreplace'), **files}


def _words(comparison: Comparison) -> dict[str, Any]:
    """Collect the words and numbers of the page."""
    results, names = comparison.results, run_names(comparison)
    base, differences = comparison.baseline, difference_table(comparison)
    others = [names[run] for run in compared_runs(comparison)]
    more = f' and {len(others) - 3} more' if len(others) > 3 else ''
    shown = pictures(comparison)
    there = dict.fromkeys(_SECTIONS, True) | dict(differences=differences, pictures=shown)
    return dict(
        title=', '.join(others[:3]) + more + ('' if base is None else f' against {names[base]}'),
        data_line=data_line(results[0]),
        verdict=verdict(comparison),
        headline=headline(comparison),
        footnote=footnote(results),
        sections={name: title for name, title in _SECTIONS.items() if there[name]},
        runs=names,
        scores=score_table(comparison),
        base=None if base is None else names[base],
        level=f'{100 * results[0]["summary"]["bootstrap"]["level"]:g}',
        differences=differences,
        corruption_differences=corruption_differences(comparison),
        corruptions=Table(['', *names], _corruptions(results)),
        cells=Table(['', *names], _cells(results)),
        pictures=shown,
        networks=Table(_NETWORK, list(map(_network, names, results))),
        about=_about(results[0]),
        version=results[0]['mmct_version'],
    )


def _corruptions(results: Results) -> list[Row]:
    errors = [result['summary']['corruption_error_pct'] for result in results]
    return [Row(spoken(name), [Number(each[name]) for each in errors]) for name in errors[0]]


def _cells(results: Results) -> list[Row]:
    # The order of cells depends on how a file was extended.
    errors = [
        {(cell['corruption'], cell['severity']): cell['error_pct'] for cell in result['cells']}
        for result in results
    ]
    return [
        Row(f'{spoken(name)} {severity}', [Number(each[name, severity]) for each in errors])
        for name, severity in errors[0]
    ]


def _network(name: str, result: Mapping[str, Any]) -> Row:
    model = result['model']
    names = [result['name'], model.get('config', ''), model.get('checkpoint', '')]
    mark = str(model.get('weights_sha256', ''))[:12]
    precision = 'mixed' if model.get('fp16') else 'full'
    return Row(name, [*names, mark, precision, result['mmct_version']])


def _about(result: Mapping[str, Any]) -> Table:
    data = {spoken(key): value for key, value in result['data'].items() if key != 'categories'}
    draws = {f'bootstrap: {key}': v for key, v in result['summary']['bootstrap'].items()}
    return Table(['', ''], [Row(name, [str(value)]) for name, value in (data | draws).items()])


def _picture(plain: bytes, draw: Callable[..., Figure], narrow: bool) -> dict[str, Any]:
    """Draw the variants of a figure for light, dark and narrow pages.

    Args:
        plain (bytes): PNG file of the figure on white.
        draw (Callable): Draws the figure; takes ``theme`` and ``narrow``.
        narrow (bool): Whether narrow pages have their own figure.

    Returns:
        dict: ``others``, pairs of media query and address, the first match of
        which is shown; the default ``address``; and its ``width`` in CSS pixels.
    """
    dark = draw(theme=DARK)
    others = [(_DARK, _address(drawn(dark, 'png', _DPI)))]
    if narrow:
        found = [_address(drawn(draw(theme=theme, narrow=True), 'png', _DPI))
                 for theme in (DARK, LIGHT)]  # fmt: skip
        others = [(f'{_NARROW} and {_DARK}', found[0]), (_NARROW, found[1]), *others]
    return dict(others=others, address=_address(plain), width=round(dark.get_figwidth() * 96))


def _address(picture: bytes) -> str:
    return f'data:image/png;base64,{base64.b64encode(picture).decode()}'
