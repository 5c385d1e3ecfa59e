"""How far a study is."""

import time
from collections.abc import Sequence
from statistics import mean
from typing import Any

from .cell import Cell
from .status import read_status
from .store import StudyStore
from .study import Study

WAITING, RUNNING, FINISHED, FAILED = 'waiting', 'running', 'done', 'failed'
"""The states of a cell."""


class Progress:
    """Which cells are known, running, finished and failed.

    Args:
        study (Study): The study.
        store (StudyStore): Its folder.

    Attributes:
        cells (list[Cell]): Those known so far, as often as arms share them.
        results (dict): Of cells that are trained, if not scored, by key.
        finished (dict): Of those that have all scores.
        failed (dict): The last error line of the failed ones, by key.
    """

    def __init__(self, study: Study, store: StudyStore) -> None:
        self.study, self._store = study, store
        self.cells: list[Cell] = []
        self.results: dict[str, dict[str, Any]] = {}
        self.finished: dict[str, dict[str, Any]] = {}
        self.failed: dict[str, str] = {}
        self._running: dict[str, float] = {}
        self._seconds: dict[str, float] = {}

    def set_cells(self, cells: Sequence[Cell]) -> None:
        """Say which cells are known."""
        self.cells = list(cells)

    def started(self, key: str) -> None:
        """Say that a cell was started."""
        self._running[key] = time.monotonic()

    def set_running(self, keys: Sequence[str]) -> None:
        """Say which cells are running."""
        self._running = {key: self._running[key] for key in keys}

    def finish(self, key: str) -> None:
        """Say that the result of a cell has all scores."""
        self.finished[key] = self.results[key]
        if key in self._running:
            self._seconds[key] = time.monotonic() - self._running[key]

    def state(self, cell: Cell) -> str:
        """The state of a cell: WAITING, RUNNING, FINISHED or FAILED."""
        if cell.key in self.finished:
            return FINISHED
        if cell.key in self.failed:
            return FAILED
        return RUNNING if cell.key in self._running else WAITING

    def status(self, cell: Cell) -> tuple[str, float]:
        """What a running cell does, and how much of that is done."""
        return read_status(self._store, cell.key)

    @property
    def different(self) -> list[Cell]:
        """The cells known so far, each once."""
        return list({cell.key: cell for cell in self.cells}.values())

    @property
    def unknown(self) -> int:
        """How many cells are not known yet: those of arms that are being tuned."""
        known = {(cell.arm, cell.seed) for cell in self.cells if cell.role == 'training'}
        return len(self.study.arms) * len(self.study.seeds) - len(known)

    def seconds_left(self, jobs: int) -> float | None:
        """How long the rest will take.

        Args:
            jobs (int): How many cells run at once.

        Returns:
            float: In seconds; None before the first cell is done.
        """
        if not self._seconds:
            return None
        now, total = time.monotonic(), 0.0
        for cell in self.different:
            if self.state(cell) == WAITING:
                total += self._expected(cell)
            elif self.state(cell) == RUNNING:
                total += max(0.0, self._expected(cell) - (now - self._running[cell.key]))
        total += self.unknown * mean(self._seconds.values())
        return total / jobs

    def _expected(self, cell: Cell) -> float:
        """Like those that were done: of its arm and kind, of its kind, or any."""
        done = [other for other in self.cells if other.key in self._seconds]
        alike = [c for c in done if c.role == cell.role] or done
        near = [c for c in alike if c.arm == cell.arm] or alike
        return mean(self._seconds[c.key] for c in near)
