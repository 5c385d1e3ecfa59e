"""Scorecards as tables of text."""

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from .scores import cautions, data_line, score_rows


def print_scorecards(
    results: Sequence[Mapping[str, Any]], console: Console | None = None
) -> None:
    """Print the scores of networks on the same data.

    Args:
        results (Sequence[Mapping]): As result files have them.
        console (Console, optional): Where to. Defaults to the terminal.
    """
    console = console or Console()
    table = Table('error in %', title=f'Corruption scorecard\n{data_line(results[0])}')
    for result in results:
        table.add_column(escape(result['name']), justify='right')
    for name, *values in score_rows([result['summary'] for result in results]):
        table.add_row(escape(name), *(value.replace(' [', '\n[') for value in values))
    console.print(table)
    for caution in cautions(results):
        console.print(caution)


def to_markdown(results: Sequence[Mapping[str, Any]]) -> str:
    """The scores of networks on the same data, for a README.

    Args:
        results (Sequence[Mapping]): As result files have them.

    Returns:
        str: A Markdown table, with what it is about above it.
    """
    names = [_escaped(result['name']) for result in results]
    lines = [
        f'Errors in %. {data_line(results[0])}.',
        *cautions(results),
        '',
        _line(['', *names]),
        _line(['---', *('---:' for _ in names)]),
        *(_line(row) for row in score_rows([result['summary'] for result in results])),
    ]
    return '\n'.join(lines) + '\n'


def _line(cells: Sequence[str]) -> str:
    return f'| {" | ".join(cells)} |'


def _escaped(text: str) -> str:
    return ' '.join(text.replace('|', '\\|').split())
