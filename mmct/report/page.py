"""The report: one page of HTML from a template, and its figures as files."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping, Sequence
from functools import partial, reduce
from operator import getitem
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from .cell_figures import heat_map, severity_curves
from .comparison import Results
from .figures import DARK, LIGHT, png, spoken
from .scorecards import cautions, data_line, score_table
from .tables import Number, Row, Table

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_DARK, _NARROW = '(prefers-color-scheme: dark)', '(max-width: 40rem)'
_SECTIONS = dict(
    scores='Scores',
    differences='Differences to the baseline',
    corruptions='Error of each corruption',
    severities='Error against severity',
    examples='Example images',
    settings='Settings',
)
_NETWORK = ['run', 'config', 'checkpoint', 'SHA-256 of the weights', 'precision', 'mmct']


class Comparison(Protocol):
    """The source of a report: ``mmct.evaluation.Comparison``."""

    results: Results
    baseline: int | None
    differences: Sequence[Mapping[str, Any] | None]
    examples: Sequence[Mapping[str, Any]]


def render(comparison: Comparison, stem: str = 'report') -> dict[str, bytes]:
    """Draw a report.

    Args:
        comparison (Comparison): The runs.
        stem (str): Of the files' names. Defaults to 'report'.

    Returns:
        dict[str, bytes]: Content by file name: ``<stem>.html``, which needs
        none of the others, ``<stem>_heatmap.png`` and ``<stem>_severities.png``.
    """
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    results = comparison.results
    cells, curves = partial(heat_map, results), partial(severity_curves, results)
    pictures = dict(heatmap=png(cells()), severities=png(curves()))
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent), autoescape=True, undefined=StrictUndefined
    )
    environment.filters['spoken'] = spoken
    page = environment.get_template('page.html.j2').render(
        _tables(comparison),
        light=LIGHT,
        dark=DARK,
        heat_map=_picture(pictures['heatmap'], cells),
        severity_curves=_picture(pictures['severities'], curves, partial(curves, columns=2)),
    )
    files = {f'{stem}_{name}.png': content for name, content in pictures.items()}
    return {f'{stem}.html': page.encode(), **files}


def _tables(comparison: Comparison) -> dict[str, Any]:
    """Collect all that the page tells in words and numbers."""
    results = comparison.results
    names = [result['name'] for result in results]
    more = f' and {len(names) - 3} more' if len(names) > 3 else ''
    differences = _differences(comparison)
    there = dict.fromkeys(_SECTIONS, True) | dict(
        differences=differences, examples=comparison.examples
    )
    return dict(
        title=f'Corruption scorecard: {", ".join(names[:3])}{more}',
        data_line=data_line(results[0]),
        cautions=cautions(results),
        sections={name: title for name, title in _SECTIONS.items() if there[name]},
        runs=names,
        scores=score_table(results),
        base=None if comparison.baseline is None else names[comparison.baseline],
        level=f'{100 * results[0]["summary"]["bootstrap"]["level"]:g}',
        differences=differences,
        corruptions=Table(['', *names], _corruptions(results)),
        cells=Table(['', *names], _cells(results)),
        examples=comparison.examples,
        networks=Table(_NETWORK, list(map(_network, results))),
        about=_about(results[0]),
        version=results[0]['mmct_version'],
    )


def _differences(comparison: Comparison) -> dict[str, Table] | None:
    """Make the tables of each run minus the baseline; None where there is nothing."""
    found = {
        result['name']: difference
        for result, difference in zip(comparison.results, comparison.differences, strict=True)
        if difference is not None
    }
    if not found:
        return None
    head, first = ['', *found], next(iter(found.values()))

    def row(name: str, *keys: str) -> Row:
        return Row(name, [_difference(reduce(getitem, keys, each)) for each in found.values()])

    means = [row('clean error', 'clean_error_pct'), row('raw mCE', 'raw_mce_pct')]
    means += [row(f'mean of {k}', 'categories_pct', k) for k in first['categories_pct']]
    single = [row(spoken(n), 'corruption_error_pct', n) for n in first['corruption_error_pct']]
    return dict(
        means=Table(head, [each for each in means if not each.empty]),
        corruptions=Table(head, single),
    )


def _difference(found: Mapping[str, float] | None) -> Number:
    if found is None:
        return Number(None)
    low, high = found['low'], found['high']
    verdict = 'better' if high < 0 else 'worse' if low > 0 else 'not told apart'
    return Number(found['value'], interval=(low, high), signed=True, remark=verdict)


def _corruptions(results: Results) -> list[Row]:
    errors = [result['summary']['corruption_error_pct'] for result in results]
    return [Row(spoken(name), [Number(each[name]) for each in errors]) for name in errors[0]]


def _cells(results: Results) -> list[Row]:
    return [
        Row(
            f'{spoken(cells[0]["corruption"])} {cells[0]["severity"]}',
            [Number(cell['error_pct']) for cell in cells],
        )
        for cells in zip(*(result['cells'] for result in results), strict=True)
    ]


def _network(result: Mapping[str, Any]) -> Row:
    model = result['model']
    names = [model.get('config', ''), model.get('checkpoint', '')]
    mark = str(model.get('weights_sha256', ''))[:12]
    precision = 'mixed' if model.get('fp16') else 'full'
    return Row(result['name'], [*names, mark, precision, result['mmct_version']])


def _about(result: Mapping[str, Any]) -> Table:
    data = {spoken(key): value for key, value in result['data'].items() if key != 'categories'}
    draws = {f'bootstrap: {key}': v for key, v in result['summary']['bootstrap'].items()}
    return Table(['', ''], [Row(name, [str(value)]) for name, value in (data | draws).items()])


def _picture(
    plain: bytes, draw: Callable[..., Figure], narrow: Callable[..., Figure] | None = None
) -> dict[str, Any]:
    """Draw a figure for all pages: light and dark ones, and narrow ones such as phones'.

    Args:
        plain (bytes): PNG file of the figure on white.
        draw (Callable): Draws it; takes ``theme``.
        narrow (Callable, optional): Draws it for narrow pages. None: the same.

    Returns:
        dict: ``others``, media queries and addresses, of which the first that
        fits is shown; else ``address``, which is ``width`` CSS pixels wide.
    """
    dark = draw(theme=DARK)
    others = [(_DARK, _address(png(dark)))]
    if narrow is not None:
        others = [
            (f'{_NARROW} and {_DARK}', _address(png(narrow(theme=DARK)))),
            (_NARROW, _address(png(narrow(theme=LIGHT)))),
            *others,
        ]
    return dict(others=others, address=_address(plain), width=round(dark.get_figwidth() * 96))


def _address(picture: bytes) -> str:
    return f'data:image/png;base64,{base64.b64encode(picture).decode()}'
