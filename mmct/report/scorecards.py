"""Tables of scorecards and of a CT run, cautions, all cells as CSV."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from .comparison import Results
from .tables import Number, Row, Table

if TYPE_CHECKING:
    from rich.console import Console


def score_table(results: Results) -> Table:
    """Make the table of all means: a row for each, a column for each network.

    Args:
        results (Sequence[Mapping]): Contents of result files on the same data.

    Returns:
        Table: Errors in %. Rows without values are left out.
    """
    summaries = [result['summary'] for result in results]
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
    for kind in summaries[0]['categories_pct']:
        rows.append(_row(f'mean of {kind}', [s['categories_pct'] for s in summaries], kind))
    rows.append(_row('mean of extra corruptions', summaries, 'extra_pct'))
    for key, name in (('ece_pct', 'ECE'), ('rms_calibration_pct', 'RMS calibration error')):
        for on in ('clean', 'corrupted'):
            rows.append(_row(f'{name}, {on}', [s[key] for s in summaries], on))
    names = [result['name'] for result in results]
    return Table(['', *names], [row for row in rows if not row.empty])


def print_scorecards(results: Results, console: Console | None = None) -> None:
    """Print the scores of networks on the same data.

    Args:
        results (Sequence[Mapping]): Contents of result files.
        console (Console, optional): Where to. Defaults to stdout.
    """
    from rich.console import Console

    console = console or Console()
    title = f'Corruption scorecard: errors in %\n{data_line(results[0])}'
    score_table(results).print(title, console)
    for caution in cautions(results):
        console.print(caution, markup=False)


def to_markdown(results: Results) -> str:
    """Write the scores of networks on the same data for a README.

    Args:
        results (Sequence[Mapping]): Contents of result files.

    Returns:
        str: A Markdown table, with what it is about above it.
    """
    lines = [f'Errors in %. {data_line(results[0])}.', *cautions(results), '']
    return '\n'.join(lines) + '\n' + score_table(results).to_markdown()


def to_html(results: Results) -> str:
    """Write the scores of networks on the same data for a notebook.

    Args:
        results (Sequence[Mapping]): Contents of result files.

    Returns:
        str: A paragraph on what was scored, and a table.
    """
    from html import escape

    notes = ' '.join([f'Errors in %. {data_line(results[0])}.', *cautions(results)])
    return f'<p>{escape(notes)}</p>\n{score_table(results).to_html()}'


def to_latex(results: Results) -> str:
    """Write the scores of networks on the same data for a paper.

    Args:
        results (Sequence[Mapping]): Contents of result files.

    Returns:
        str: See :meth:`Table.to_latex`.
    """
    return score_table(results).to_latex()


def cells_to_csv(results: Results) -> str:
    """Write a row for each cell of each run.

    Args:
        results (Sequence[Mapping]): Contents of result files.

    Returns:
        str: CSV; the row of the clean images has no corruption and severity 0.
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
    columns = [
        'run', 'corruption', 'category', 'severity', 'images', 'errors', 'error_pct', 'ece_pct',
        'rms_calibration_pct',
    ]  # fmt: skip
    frame = pd.DataFrame(rows)[columns]
    for name in ('run', 'corruption', 'category'):
        frame[name] = frame[name].map(_in_csv)
    return frame.to_csv(index=False, lineterminator='\n')


def _in_csv(text: str | None) -> str | None:
    # Spreadsheets take what begins so for a formula.
    return f"'{text}" if isinstance(text, str) and text.startswith(tuple('=+-@\t\r')) else text


def data_line(result: Mapping[str, Any]) -> str:
    """Describe in a line what was scored.

    Args:
        result (Mapping): Any of the results.

    Returns:
        str: Without a full stop.
    """
    data, summary = result['data'], result['summary']
    severities = ', '.join(map(str, summary['severities']))
    more = len(summary['corruption_error_pct']) - summary['corruptions']
    extra = f' and {more} extra' if more else ''
    return (
        f'{data["set"]}: {summary["corruptions"]} corruptions{extra} at severities {severities}, '
        f'{data["images"]:,} images each'
    )


def cautions(results: Results) -> list[str]:
    """Warn of what a reader could take the numbers for.

    Args:
        results (Sequence[Mapping]): Those that are shown.

    Returns:
        list[str]: Whole sentences.
    """
    said = [
        f'{result["name"]}: BatchNorm was adapted to {result["model"]["recalibrate_bn"]} '
        'unlabelled batches of each cell. It used test images: a setting of its own, not '
        'comparable with networks that did not.'
        for result in results
        if result['model'].get('recalibrate_bn')
    ]
    result = results[0]
    if result['data']['source'] == 'generated':
        said.append(
            'The corruptions were generated by mmct: these are not scores on a released set.'
        )
    if not result['summary']['is_benchmark']:
        said.append(
            'These are not the 15 corruptions x 5 severities of the usual benchmark: the means '
            'cannot be compared with those published for it.'
        )
    known = set(result['data']['categories'].get('extra', ()))
    if known and known.isdisjoint(result['summary']['corruption_error_pct']):
        said.append('The extra corruptions were not scored.')
    return said


def print_ct_result(result: Mapping[str, Any], console: Console | None = None) -> None:
    """Print the content of ``ct_result.json`` at the end of a CT run.

    Args:
        result (Mapping): Accuracies and agreement in %, times in seconds.
        console (Console, optional): Where to. Defaults to stdout.
    """
    images = f'{result["num_images"]} {result["measured_on"]} images'
    rows = [
        Row(name, [f'{result[f"{role}_accuracy_pct"]:.2f} %', _time(result[f'{role}_seconds'])])
        for role, name in (('teacher', 'teacher (no BN)'), ('student', 'student (BN)'))
    ]
    rows.append(Row('both agree on', [f'{result["agreement_pct"]:.2f} %', '']))
    head = ['', f'accuracy on {images}', 'training time']
    Table(head, rows).print('Counterbalancing Teacher', console)


def _row(name: str, values: Results, key: str, interval: str | None = None) -> Row:
    return Row(name, [Number(v.get(key), interval=v.get(interval)) for v in values])


def _reference(summary: Mapping[str, Any]) -> str | None:
    return (summary['normalised'] or {}).get('reference')


def _time(seconds: float | None) -> str:
    if seconds is None:
        return 'given'
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f'{hours}:{minutes:02}:{rest:02}'
