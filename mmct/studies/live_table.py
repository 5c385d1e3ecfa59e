"""Show the table of a running study."""

import sys
import time
from typing import Any

from rich.console import Console, Group
from rich.live import Live
from rich.markup import escape
from rich.progress_bar import ProgressBar
from rich.table import Table

from mmct.messages import visible
from mmct.report import Number
from mmct.runs.errors import CTError
from mmct.runs.progress import duration

from .cell import TEACHER, TRAINING, TUNING, Cell
from .loop import StudyProgress
from .store import StudyStore
from .summary import mean_and_error, shown_value

# Seconds between lines if the output is not a terminal.
_EVERY = 30.0


class LiveTable:
    """A live table with a row per arm and a progress bar per running cell.

    A row shows the finished cells (runs) of an arm and its scores so far. If the output
    is not a terminal, a line is printed when a cell starts or ends, and every half minute.

    Args:
        store (StudyStore): The folder of the study.
        columns (dict): Title and content of each column, as in ``table`` of
            :class:`Study`.
        console (Console, optional): The console to print to. Defaults to stdout.
    """

    def __init__(
        self, store: StudyStore, columns: dict[str, Any], console: Console | None = None
    ) -> None:
        self._store, self._columns = store, columns
        # FORCE_COLOR, which Jupyter sets, asks for colours, not for a table that moves.
        moves = None if sys.stdout.isatty() else False
        self._console = console or Console(force_terminal=moves)
        self._live = Live(console=self._console, auto_refresh=False)
        self._states: dict[str, str] = {}
        self._printed = 0.0

    def __enter__(self) -> 'LiveTable':
        if self._console.is_terminal:
            self._live.start()
        return self

    def __exit__(self, *exception: object) -> None:
        if self._console.is_terminal:
            self._live.stop()

    def show(self, progress: StudyProgress) -> None:
        """Show the progress of the study.

        Args:
            progress (StudyProgress): The progress.
        """
        if self._console.is_terminal:
            self._live.update(self.render(progress), refresh=True)
        else:
            self._print(progress)

    def render(self, progress: StudyProgress) -> Group:
        """Make the current table, with the progress bars below it.

        Args:
            progress (StudyProgress): The progress.

        Returns:
            Group: The table and the bars.
        """
        table = Table(title=as_text(_title(progress)), title_justify='left')
        table.add_column('arm')
        table.add_column('cells')
        for title in self._columns:
            table.add_column(as_text(title), justify='right')
        for name in progress.study.arms:
            cells = [cell for cell in progress.entries if cell.arm == name]
            own = [progress.finished.get(cell.key) for cell in cells if cell.role == TRAINING]
            scores = [self._score(column, own) for column in self._columns.values()]
            table.add_row(as_text(name), as_text(_cells(progress, cells)), *scores)
        bars = Table.grid(padding=(0, 1))
        for cell in {cell.key: cell for cell in progress.entries}.values():
            if progress.state(cell) == 'running':
                stage, part = self._store.status(cell.key)
                bar = ProgressBar(1.0, part, width=20)
                bars.add_row(as_text(cell.title), as_text(stage), bar, f'{100 * part:.0f} %')
        return Group(table, bars)

    def _score(self, column: Any, results: list[dict[str, Any] | None]) -> str:
        try:
            values = [shown_value(result, column) for result in results if result is not None]
        except CTError:
            # The table at the end says why; until then it is no reason to stop cells.
            return ''
        found = [value for value in values if value is not None]
        return str(Number.over_seeds(mean_and_error(found)))

    def _print(self, progress: StudyProgress) -> None:
        for cell in progress.entries:
            state = progress.state(cell)
            before = self._states.get(cell.key, 'waiting')
            self._states[cell.key] = state
            # Do not report cells that were finished before this start.
            if state == before or (state == 'done' and not self._printed):
                continue
            error = f': {progress.failed[cell.key]}' if state == 'failed' else ''
            print(visible(f'{cell.title}: {state}{error}'), flush=True)
        if time.monotonic() - self._printed > _EVERY:
            self._printed = time.monotonic()
            print(visible(_title(progress)), flush=True)


def as_text(text: str) -> str:
    """Escape a text so that neither rich nor the terminal interprets it.

    Args:
        text (str): A text such as the name of an arm.

    Returns:
        str: The escaped text.
    """
    return escape(visible(text))


def _title(progress: StudyProgress) -> str:
    text = f'{progress.study.name}: {len(progress.finished)} of {progress.total} cells done, '
    text += f'{len(progress.running)} running'
    if progress.failed:
        text += f', {len(progress.failed)} failed'
    left = progress.seconds_left
    return text if left is None else f'{text}, {duration(left)} left'


def _cells(progress: StudyProgress, cells: list[Cell]) -> str:
    """Count the finished cells of an arm in a text such as 'trials 3 of 4; seeds 0 of 3'."""
    parts = []
    for role, name in ((TUNING, 'trials'), (TEACHER, 'teachers'), (TRAINING, 'seeds')):
        own = [cell for cell in cells if cell.role == role]
        total = len(progress.study.seeds) if role == TRAINING else len(own)
        if not total:
            continue
        done = [progress.finished[cell.key] for cell in own if cell.key in progress.finished]
        text = f'{name} {len(done)} of {total}'
        diverged = sum(result['diverged'] is not None for result in done)
        text += f', {diverged} diverged' if diverged else ''
        failed = [progress.failed[cell.key] for cell in own if cell.key in progress.failed]
        parts.append(text + ''.join(f', failed: {error}' for error in failed))
    return '; '.join(parts)
