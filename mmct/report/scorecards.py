"""Make the tables of scorecards and the line on a CT run, and list all scores as CSV."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import reduce
from operator import getitem
from typing import TYPE_CHECKING, Any

from mmct.messages import counted, visible

from .comparison import Comparison, Results, run_names
from .figures import spoken
from .tables import Number, Row, Table
from .verdict import difference, footnote, headline, verdict

if TYPE_CHECKING:
    from pathlib import Path

    from rich.console import Console

# Up to this many corruptions have their own rows beside the means.
_FEW = 6


def score_table(comparison: Comparison) -> Table:
    """Make the table of all means, with a row per mean and a column per network.

    Args:
        comparison (Comparison): The runs.

    Returns:
        Table: Errors in %, without empty rows. If few corruptions were scored, each has its own
        row.
    """
    summaries = [result['summary'] for result in comparison.results]
    rows = [
        _row('clean error', summaries, 'clean_error_pct', 'clean_interval_pct'),
        _row('raw mCE', summaries, 'raw_mce_pct', 'raw_mce_interval_pct'),
        _row('gap: raw mCE - clean error', summaries, 'gap_pct'),
    ]
    for reference in dict.fromkeys(map(_reference, summaries)):
        if reference is not None:
            found = [s['normalised'] if _reference(s) == reference else {} for s in summaries]
            by = f'by {reference}'
            rows.append(_row(f'mCE normalised {by}', found, 'mce_pct', 'mce_interval_pct'))
            rows.append(_row(f'relative mCE {by}', found, 'relative_mce_pct'))
    for name in _few(summaries[0]):
        rows.append(_row(spoken(name), [s['corruption_error_pct'] for s in summaries], name))
    for kind in summaries[0]['categories_pct']:
        rows.append(_row(f'mean of {kind}', [s['categories_pct'] for s in summaries], kind))
    rows.append(_row('mean of extra corruptions', summaries, 'extra_pct'))
    for key, name in (('ece_pct', 'ECE'), ('rms_calibration_pct', 'RMS calibration error')):
        for on in ('clean', 'corrupted'):
            rows.append(_row(f'{name}, {on}', [s[key] for s in summaries], on))
    for key, name in (('aurc_pct', 'AURC, {}'), ('nll', 'NLL, {}, in nats')):
        for on in ('clean', 'corrupted'):
            found = [(scores or {}).get(key, {}) for scores in comparison.confidence]
            rows.append(_row(name.format(on), found, on))
    return Table(['', *run_names(comparison)], [row for row in rows if not row.empty])


def difference_table(comparison: Comparison) -> Table | None:
    """Make the table of each network's errors minus the baseline's.

    Args:
        comparison (Comparison): The runs.

    Returns:
        Table | None: Differences in points, with paired intervals; None without a baseline.
    """
    found = _differences(comparison)
    if not found:
        return None
    first = next(iter(found.values()))
    rows = [
        _minus('clean error', found, 'clean_error_pct'),
        _minus('raw mCE', found, 'raw_mce_pct'),
    ]
    for name in _few(first):
        rows.append(_minus(spoken(name), found, 'corruption_error_pct', name))
    rows += [_minus(f'mean of {kind}', found, 'categories_pct', kind)
             for kind in first['categories_pct']]  # fmt: skip
    return Table(['', *found], [row for row in rows if not row.empty])


def corruption_differences(comparison: Comparison) -> Table | None:
    """Make the table of each network's errors minus the baseline's, on each corruption.

    Args:
        comparison (Comparison): The runs.

    Returns:
        Table | None: Differences in points, with paired intervals; None without a baseline.
    """
    found = _differences(comparison)
    if not found:
        return None
    names = next(iter(found.values()))['corruption_error_pct']
    rows = [_minus(spoken(name), found, 'corruption_error_pct', name) for name in names]
    return Table(['', *found], rows)


def difference_title(comparison: Comparison) -> str:
    """Make the title of the table of differences.

    Args:
        comparison (Comparison): The runs, with a baseline.

    Returns:
        str: A title with the baseline and the level of the intervals.
    """
    level = 100 * comparison.results[0]['summary']['bootstrap']['level']
    base = run_names(comparison)[comparison.baseline]
    return visible(f'Differences to {base}, in points [{level:g} %]')


def print_scorecards(comparison: Comparison, console: Console | None = None) -> None:
    """Print the scores of networks on the same data.

    Args:
        comparison (Comparison): The runs.
        console (Console, optional): The console to print to. Defaults to stdout.
    """
    from rich.console import Console

    console = console or Console()
    line = data_line(comparison.results[0])
    console.print(f'Errors in %. {line}.', markup=False, highlight=False)
    score_table(comparison).print('', console)
    differences = difference_table(comparison)
    if differences is not None:
        differences.print(difference_title(comparison), console)
    note = footnote(comparison.results)
    if note:
        console.print(note, markup=False, highlight=False)


def print_outcome(
    comparison: Comparison, page: Path, remark: str = '', console: Console | None = None
) -> None:
    """Print what a run ends with: a small table, a sentence on its last network, a picture.

    Args:
        comparison (Comparison): The networks of the run.
        page (Path): The report, which has all of it; its figures lie beside it.
        remark (str): A sentence on how far the numbers hold. Defaults to none.
        console (Console, optional): Where to. Defaults to stdout.
    """
    from rich.console import Console

    console = console or Console()
    found, base = headline(comparison), comparison.baseline
    minus = [] if base is None else [f'minus {run_names(comparison)[base]}']
    head = ['error, %', *(name for title in found for name in (title.split(' error')[0], *minus))]
    rows = []
    for entries in zip(*found.values(), strict=True):
        cells = []
        for entry in entries:
            # Intervals of the differences alone: the table is to fit into 80 columns.
            change = entry['difference'] or Number(None)
            cells += [Number(entry['error'].value), replace(change, remark='')][: 1 + len(minus)]
        rows.append(Row(entries[0]['name'], cells))
    Table(head, rows).print('', console)
    picture = page.with_name(f'{page.stem}_dumbbell.png')
    said = [verdict(comparison)[-1], remark, footnote(comparison.results)]
    for line in (' '.join(filter(None, said)), f'Picture: {picture}', f'Report:  {page}'):
        console.print(line, markup=False, highlight=False, soft_wrap=True)


def to_markdown(comparison: Comparison) -> str:
    """Write the scores of networks on the same data as Markdown, for a README.

    Args:
        comparison (Comparison): The runs.

    Returns:
        str: A line on the data, the table of scores and, with a baseline, that of differences.
    """
    note = footnote(comparison.results)
    text = f'Errors in %. {data_line(comparison.results[0])}.\n{note}\n'.rstrip('\n')
    text += f'\n\n{score_table(comparison).to_markdown()}'
    differences = difference_table(comparison)
    if differences is not None:
        text += f'\n{difference_title(comparison)}:\n\n{differences.to_markdown()}'
    return text


def to_html(comparison: Comparison) -> str:
    """Write the scores of networks on the same data as HTML, for a notebook.

    Args:
        comparison (Comparison): The runs.

    Returns:
        str: A paragraph on the data, and the tables.
    """
    from html import escape

    results = comparison.results
    notes = f'Errors in %. {data_line(results[0])}. {footnote(results)}'.strip()
    text = f'<p>{escape(notes)}</p>\n{score_table(comparison).to_html()}'
    differences = difference_table(comparison)
    if differences is not None:
        title = escape(difference_title(comparison))
        text += f'\n<p>{title}:</p>\n{differences.to_html()}'
    return text


def to_latex(comparison: Comparison) -> str:
    """Write the scores of networks on the same data as LaTeX, for a paper.

    Args:
        comparison (Comparison): The runs.

    Returns:
        str: The table of scores and, with a baseline, that of differences, see
        :meth:`Table.to_latex`.
    """
    tables = score_table(comparison), difference_table(comparison)
    return '\n'.join(table.to_latex() for table in tables if table is not None)


CELL_COLUMNS = (
    'run', 'corruption', 'category', 'severity', 'images', 'errors', 'error_pct', 'ece_pct',
    'rms_calibration_pct',
)  # fmt: skip
"""The columns of the CSV file of a result's cells."""


def cells_to_csv(results: Results) -> str:
    """Write the scores of all runs as CSV, with a row per corruption and severity.

    Args:
        results (Sequence[Mapping]): Contents of result files.

    Returns:
        str: The CSV. The row of the clean images has no corruption, and severity 0.
    """
    import pandas as pd

    rows = []
    for result in results:
        kinds = {n: kind for kind, names in result['data']['categories'].items() for n in names}
        rows += [
            dict(run=result['name'], category=kinds.get(cell['corruption'], 'clean'), **cell)
            for cell in [result['clean'], *result['cells']]
            if cell is not None
        ]
    frame = pd.DataFrame(rows)[list(CELL_COLUMNS)]
    for name in ('run', 'corruption', 'category'):
        frame[name] = frame[name].map(_in_csv)
    return frame.to_csv(index=False, lineterminator='\n')


def _in_csv(text: str | None) -> str | None:
    # Spreadsheets take text that begins like this for a formula.
    return f"'{text}" if isinstance(text, str) and text.startswith(tuple('=+-@\t\r')) else text


def data_line(result: Mapping[str, Any]) -> str:
    """Describe the scored data in a line.

    Args:
        result (Mapping): The content of any of the result files.

    Returns:
        str: The description, without a full stop.
    """
    data, summary = result['data'], result['summary']
    count, severities = summary['corruptions'], ', '.join(map(str, summary['severities']))
    names = summary['corruption_error_pct']
    more = len(names) - summary['corruptions']
    extra = len({*names}.intersection(data['categories'].get('extra', ())))
    others = f' and {more} extra' if more == extra else f' and {counted(more, "other", "others")}'
    part = f' ({data["subset"]})' if data.get('subset') else ''
    return visible(
        f'{data["set"]}: {counted(count, "corruption", "corruptions")}{others if more else ""} at '
        f'{"severity" if len(summary["severities"]) == 1 else "severities"} {severities}, '
        f'{counted(data["images"], "image", "images")} each{part}'
    )


def print_ct_result(result: Mapping[str, Any], console: Console | None = None) -> None:
    """Print the content of ``ct_result.json`` at the end of a CT run.

    Args:
        result (Mapping): The content, with accuracies and agreement in %.
        console (Console, optional): The console to print to. Defaults to stdout.
    """
    from rich.console import Console

    (console or Console()).print(
        f'Accuracy on {result["num_images"]} {result["measured_on"]} images: teacher (no BN) '
        f'{result["teacher_accuracy_pct"]:.2f} %, student (BN) '
        f'{result["student_accuracy_pct"]:.2f} %; they agree on {result["agreement_pct"]:.2f} %.',
        markup=False, highlight=False, soft_wrap=True,
    )  # fmt: skip


def _row(name: str, values: Results, key: str, interval: str | None = None) -> Row:
    return Row(name, [Number(v.get(key), interval=v.get(interval)) for v in values])


def _minus(name: str, found: Mapping[str, Mapping], *keys: str) -> Row:
    values = [reduce(getitem, keys, each) for each in found.values()]
    return Row(name, [Number(None) if value is None else difference(value) for value in values])


def _differences(comparison: Comparison) -> dict[str, Mapping[str, Any]]:
    named = zip(run_names(comparison), comparison.differences, strict=True)
    return {name: each for name, each in named if each is not None}


def _few(errors: Mapping[str, Any]) -> list[str]:
    """Return the corruptions that have their own rows: all if they are few, else none."""
    names = list(errors['corruption_error_pct'])
    return names if len(names) <= _FEW else []


def _reference(summary: Mapping[str, Any]) -> str | None:
    return (summary['normalised'] or {}).get('reference')

