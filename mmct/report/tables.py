"""Write tables of numbers as Markdown, LaTeX, HTML and terminal text, from the same rows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Any

from mmct.messages import visible

# pandas and rich are imported by the methods that write.
if TYPE_CHECKING:
    from pandas import DataFrame
    from rich.console import Console

# Column names are folded beyond this many characters.
_HEAD = 18


@dataclass(frozen=True)
class Number:
    """A number with its uncertainty, which decides how the number is written.

    Attributes:
        value (float, optional): The number; None leaves the cell empty.
        error (float, optional): The standard error, as in '1.23 ± 0.06'. Defaults to None.
        interval (Sequence[float], optional): Both ends of an interval, as in
            '1.23 [1.10, 1.36]'. Defaults to None.
        signed (bool): Whether to write a plus sign, as for differences. Defaults to False.
        remark (str): Words after the number. Defaults to none.
    """

    value: float | None
    error: float | None = None
    interval: Sequence[float] | None = None
    signed: bool = False
    remark: str = ''

    @classmethod
    def over_seeds(cls, found: Mapping[str, Any], signed: bool = False) -> Number:
        """Take a mean and its standard error from the results of a study.

        Args:
            found (Mapping): The ``mean`` and the ``standard_error``; both may be None.
            signed (bool): Whether to write a plus sign. Defaults to False.

        Returns:
            Number: The mean with its standard error, without an interval.
        """
        return cls(found['mean'], error=found['standard_error'], signed=signed)

    @property
    def estimate(self) -> str:
        """Return the value with its error and remark."""
        if self.value is None:
            return ''
        error = '' if self.error is None else f' ± {self.error:.2f}'
        return f'{self._digits(self.value)}{error} {self.remark}'.rstrip()

    @property
    def ends(self) -> str:
        """Return the interval in brackets, or '' without one."""
        if self.value is None or self.interval is None:
            return ''
        return f'[{", ".join(map(self._digits, self.interval))}]'

    def __str__(self) -> str:
        return f'{self.estimate} {self.ends}'.rstrip()

    def _digits(self, value: float) -> str:
        value = round(value, 2) + 0.0  # never -0.00
        return f'{value:+.2f}' if self.signed else f'{value:.2f}'


@dataclass(frozen=True)
class Row:
    """A row of a table.

    Attributes:
        name (str): Text of the first column.
        cells (Sequence[Number | str]): Contents of the other columns.
        indented (bool): Whether the row belongs to a row above it. Defaults to False.
    """

    name: str
    cells: Sequence[Number | str]
    indented: bool = False

    @property
    def empty(self) -> bool:
        """Return whether all cells are empty."""
        return not any(map(str, self.cells))


@dataclass(frozen=True)
class Table:
    """A table whose cells stay values until it is written.

    Attributes:
        head (Sequence[str]): Names of all columns, including the first.
        rows (Sequence[Row]): The rows, with a cell for each column after the first.
    """

    head: Sequence[str]
    rows: Sequence[Row]

    def __str__(self) -> str:
        return self.to_markdown()

    def to_markdown(self) -> str:
        """Write the table as GitHub-flavored Markdown.

        Returns:
            str: The table, with a line break at the end.
        """
        frame = self._frame('&nbsp; ').map(_in_markdown).rename(columns=_in_markdown)
        align = ['left'] + ['right'] * (len(self.head) - 1)
        # Numbers are text already; tabulate would round them again.
        return frame.to_markdown(index=False, colalign=align, disable_numparse=True) + '\n'

    def to_latex(self) -> str:
        """Write the table as LaTeX, for the package booktabs.

        Returns:
            str: A ``tabular`` environment, with all special characters escaped.
        """
        align = 'l' + 'r' * (len(self.head) - 1)
        text = self._frame('\u2003').to_latex(index=False, escape=True, column_format=align)
        return text.replace('\u2003', r'\quad ').replace('±', r'$\pm$')

    def to_html(self) -> str:
        """Write the table as HTML, with all special characters escaped."""
        return self._frame('\u2003').to_html(index=False, border=0)

    def print(self, title: str = '', console: Console | None = None) -> None:
        """Print the table to the terminal; a table that is too wide continues below.

        Args:
            title (str): Title above the table. Defaults to none.
            console (Console, optional): The console to print to. Defaults to stdout.
        """
        from rich.console import Console
        from rich.table import Table as RichTable
        from rich.text import Text

        console = console or Console()
        names = ['  ' * row.indented + visible(row.name) for row in self.rows]
        columns = [
            [_in_lines(row.cells[number]) for row in self.rows]
            for number in range(len(self.head) - 1)
        ]
        for part in self._parts(names, columns, console.width):
            table = RichTable(title=Text(visible(title)) if title else None)
            table.add_column(Text(visible(self.head[0])), overflow='fold')
            for number in part:
                table.add_column(
                    Text(visible(self.head[number + 1])),
                    justify='right', overflow='fold', min_width=_width(columns[number]),
                )  # fmt: skip
            for name, *cells in zip(names, *(columns[number] for number in part), strict=True):
                table.add_row(*map(Text, (name, *cells)))
            console.print(table)

    def _parts(
        self, names: Sequence[str], columns: Sequence[Sequence[str]], width: int
    ) -> list[list[int]]:
        """Split the columns into tables that fit the terminal; long column names are folded."""
        # A column has a blank on each side and a line.
        room = width - 4 - _width([*names, visible(self.head[0])])
        parts, left = [[]], room
        for number, cells in enumerate(columns):
            head = min(len(visible(self.head[number + 1])), _HEAD)
            needed = max(_width(cells), head) + 3
            if parts[-1] and needed > left:
                parts.append([])
                left = room
            parts[-1].append(number)
            left -= needed
        return parts

    def _frame(self, indent: str) -> DataFrame:
        import pandas as pd

        rows = [
            [indent * row.indented + visible(row.name), *(visible(str(cell)) for cell in row.cells)]
            for row in self.rows
        ]
        return pd.DataFrame(rows, columns=[visible(name) for name in self.head])


def errors_note(titles: Iterable[str], rows: Sequence[Mapping[str, Any]]) -> str:
    """Explain the standard errors in the table of a study.

    Args:
        titles (Iterable[str]): Titles of the shown columns.
        rows (Sequence[Mapping]): A row per arm (a method of the study), with ``values`` by
            title as in ``table.json``. A standard error that includes the choice of images
            has ``images`` beside it.

    Returns:
        str: A sentence, or '' if there is no standard error.
    """
    over: dict[str, list[str]] = {}
    for title in titles:
        values = [row['values'][title] for row in rows]
        numbers = chain(values, *(value['differences'].values() for value in values))
        known = {'images' in each for each in numbers if each['standard_error'] is not None}
        if known:
            what = 'seeds and images' if known == {True} else 'seeds alone'
            if len(known) > 1:
                what = 'seeds, and images where all results have them,'
            over.setdefault(what, []).append(f'`{_in_markdown(visible(title))}`')
    if len(over) > 1:
        parts = [f'over {what} in {", ".join(titles)}' for what, titles in over.items()]
        return f'± is one standard error: {"; ".join(parts)}.'
    return f'± is one standard error over {next(iter(over)).rstrip(",")}.' if over else ''


def _in_markdown(text: str) -> str:
    # In Markdown, a bar or a line break would end the cell.
    return ' '.join(text.replace('|', '\\|').split())


def _width(texts: Iterable[str]) -> int:
    return max((len(line) for text in texts for line in text.split('\n')), default=0)


def _in_lines(cell: Number | str) -> str:
    if isinstance(cell, str):
        return visible(cell)
    return f'{cell.estimate}\n{cell.ends}' if cell.ends else cell.estimate
