"""Print the lines of a run and, on a terminal, a progress bar below them."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING

from mmct.messages import visible

from .progress import duration
from .ranks import is_main_rank

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress

# Seconds between two drawings of the bar.
_EVERY = 0.25


class RunConsole:
    """Prints lines and, on a terminal, a progress bar with the remaining time.

    Only the main process of a job prints.

    Args:
        console (Console, optional): The console to print on. Defaults to None, stdout; the bar
            and control characters appear only if it is a terminal.
    """

    def __init__(self, console: Console | None = None) -> None:
        if console is None:
            from rich.console import Console

            # Otherwise FORCE_COLOR, meant for colours, would make rich draw bars into files.
            console = Console(force_terminal=sys.stdout.isatty(), force_jupyter=False)
        self._console = console
        self._bar: Progress | None = None
        self._warned: set[str] = set()
        self._drawn = 0.0

    @property
    def has_bar(self) -> bool:
        """Return whether a bar is shown now."""
        return self._bar is not None

    def say(self, text: str) -> None:
        """Print a line.

        Args:
            text (str): The line.
        """
        if is_main_rank():
            self._console.print(visible(text), markup=False, highlight=False, soft_wrap=True)

    def warn(self, text: str, kind: str = 'warning') -> None:
        """Print a warning on one line, unless it was printed before.

        Args:
            text (str): The warning.
            kind (str): The word before the text. Defaults to 'warning'.
        """
        line = f'{kind}: {" ".join(text.split())}'
        if line not in self._warned:
            self._warned.add(line)
            self.say(line)

    def begin(self, title: str, total: int, done: int = 0) -> None:
        """Show a bar if the console is a terminal.

        Args:
            title (str): Text in front of the bar.
            total (int): Number of steps.
            done (int): Number of steps that are already done. Defaults to 0.
        """
        draws = self._console.is_terminal and not self._console.is_dumb_terminal
        if not draws or not is_main_rank():
            return
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

        title_column = TextColumn('{task.description}', markup=False)
        columns = title_column, BarColumn(), MofNCompleteColumn(), TextColumn('{task.fields[left]}')
        # Do not use rich's thread: forked data loading workers would inherit its locks.
        bar = Progress(*columns, console=self._console, auto_refresh=False, transient=True)
        bar.add_task(title, total=total, completed=done, left='')
        bar.start()
        self._bar = bar

    def advance(self, done: int, seconds_left: float) -> None:
        """Advance the bar, which is redrawn a few times per second.

        Args:
            done (int): Number of steps that are done.
            seconds_left (float): Estimated time for the remaining steps, in seconds.
        """
        now = time.monotonic()
        if self._bar is None or now - self._drawn < _EVERY:
            return
        self._drawn = now
        left = f'{duration(seconds_left)} left'
        self._bar.update(self._bar.task_ids[0], completed=done, left=left, refresh=True)

    def end(self) -> None:
        """Remove the bar."""
        if self._bar is not None:
            self._bar.stop()
            self._bar = None
