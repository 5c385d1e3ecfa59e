"""What a running study shows."""

import time
from collections import Counter
from typing import Any

from rich.console import Console
from rich.live import Live
from rich.table import Table

from mmct.report import Number
from mmct.runs.progress import duration

from .cell import TEACHER, TRAINING, TUNING, Cell
from .progress import FAILED, FINISHED, RUNNING, WAITING, Progress
from .summary import mean_and_error, shown_value

# Seconds between lines where the output is no terminal.
_EVERY = 30.0


class LiveTable:
    """A row for each arm: the state of its cells, and the scores so far.

    Where the output is no terminal, a line is printed when a cell ends, and
    every half minute.

    Args:
        columns (dict): Title of each column, and what is in it, as in
            :class:`Study`.
        jobs (int): How many cells run at once.
        console (Console, optional): Where it goes. Defaults to stdout.
    """

    def __init__(self, columns: dict[str, Any], jobs: int, console: Console | None = None) -> None:
        self._columns, self._jobs = columns, jobs
        self._console = console or Console()
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

    def show(self, progress: Progress) -> None:
        """Show how far the study is.

        Args:
            progress (Progress): The study's.
        """
        if self._console.is_terminal:
            self._live.update(self.table(progress), refresh=True)
        else:
            self._print(progress)

    def table(self, progress: Progress) -> Table:
        """The table as it is now.

        Args:
            progress (Progress): The study's.
        """
        table = Table(title=self._title(progress), title_justify='left')
        table.add_column('arm')
        table.add_column('cells')
        for title in self._columns:
            table.add_column(title, justify='right')
        for arm in progress.study.arms:
            cells = [cell for cell in progress.cells if cell.arm == arm.name]
            own = [cell for cell in cells if cell.role == TRAINING]
            results = [progress.finished[c.key] for c in own if c.key in progress.finished]
            scores = [self._score(column, results) for column in self._columns.values()]
            table.add_row(arm.name, _cells(progress, cells, len(progress.study.seeds)), *scores)
        return table

    def _score(self, column: Any, results: list[dict[str, Any]]) -> str:
        found = [value for r in results if (value := shown_value(r, column)) is not None]
        return str(Number.over_seeds(mean_and_error(found)))

    def _title(self, progress: Progress) -> str:
        counts = Counter(progress.state(cell) for cell in progress.different)
        left = progress.seconds_left(self._jobs)
        total = len(progress.different) + progress.unknown
        text = f'{progress.study.name}: {counts[FINISHED]} of {total} cells done, '
        text += f'{counts[RUNNING]} running'
        if counts[FAILED]:
            text += f', {counts[FAILED]} failed'
        return text + ('' if left is None else f', {duration(left)} left')

    def _print(self, progress: Progress) -> None:
        for cell in progress.cells:
            state = progress.state(cell)
            before = self._states.get(cell.key, WAITING)
            self._states[cell.key] = state
            # At the first look: what earlier starts have finished is no news.
            if state == before or (state == FINISHED and not self._printed):
                continue
            error = f': {progress.failed[cell.key]}' if state == FAILED else ''
            print(f'{cell.title}: {state}{error}', flush=True)
        if time.monotonic() - self._printed > _EVERY:
            self._printed = time.monotonic()
            print(self._title(progress), flush=True)


def _cells(progress: Progress, cells: list[Cell], seeds: int) -> str:
    """Such as 'trial 3 of 4, seeds 2 of 3: trains 40 %'."""
    parts = []
    for role, name in ((TUNING, 'trials'), (TEACHER, 'teachers'), (TRAINING, 'seeds')):
        own = [cell for cell in cells if cell.role == role]
        total = seeds if role == TRAINING else len(own)
        if not total:
            continue
        done = sum(progress.state(cell) == FINISHED for cell in own)
        text = f'{name} {done} of {total}'
        for cell in own:
            if progress.state(cell) == RUNNING:
                stage, part = progress.status(cell)
                text += f', {stage} {100 * part:.0f} %'
            elif progress.state(cell) == FAILED:
                text += f', failed: {progress.failed[cell.key]}'
            elif progress.state(cell) == FINISHED and progress.finished[cell.key]['diverged']:
                text += ', diverged'
        parts.append(text)
    return '; '.join(parts)
