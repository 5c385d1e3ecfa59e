"""Show a CSV file as a table: a paragraph that is only a link to one is followed by it.

The repository's page has the link, which GitHub shows as a table, too.
"""

import csv
import re
from html import escape
from pathlib import Path

from mkdocs.structure.pages import Page

_LINK = re.compile(r'^\[[^\]]*\]\((\S+\.csv)\)$', re.MULTILINE)
# A column of standard errors, and of either end of an interval.
_ERROR, _ENDS = ' ±', (' from', ' to')


def on_page_markdown(markdown: str, page: Page, **_) -> str:
    """Put a table below each such link."""
    folder = Path(page.file.abs_src_path or '.').parent
    return _LINK.sub(lambda match: f'{match[0]}\n\n{table(folder / match[1])}', markdown)


def table(file: Path) -> str:
    """Write a CSV file as HTML, numbers with their standard errors; sort.js makes it sortable.

    Args:
        file (Path): Where ``T`` and ``T ±`` are columns, the second is the standard error of the
            first; rows with something in a column ``minus`` are differences.

    Returns:
        str: A block of HTML.
    """
    with file.open(encoding='utf-8', newline='') as lines:
        rows = list(csv.DictReader(lines))
    titles = [title for title in rows[0] if not title.endswith((_ERROR, *_ENDS))]
    head = ''.join(f'<th scope="col">{escape(title)}</th>' for title in titles)
    # Differences are sorted among themselves.
    parts = ([row for row in rows if bool(row.get('minus')) == differ] for differ in (False, True))
    bodies = '\n'.join(f'<tbody>\n{_lines(part, titles)}\n</tbody>' for part in parts if part)
    return f'<table class="sortable">\n<thead><tr>{head}</tr></thead>\n{bodies}\n</table>'


def _lines(rows: list[dict[str, str]], titles: list[str]) -> str:
    cells = (''.join(f'<td>{_cell(row, title)}</td>' for title in titles) for row in rows)
    return '\n'.join(f'<tr>{line}</tr>' for line in cells)


def _cell(row: dict[str, str], title: str) -> str:
    value, error = row[title], row.get(title + _ERROR)
    if value and error is not None:  # differences with their sign
        value = f'{float(value):{"+" if row.get("minus") else ""}.2f}'
    return escape(f'{value} ± {float(error):.2f}' if error else value)
