"""Run the cells of a study until all are finished."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from mmct.runs.errors import LockedError
from mmct.runs.files import lock_folder

from .cell import BUSY, FAILED, TRAINING, Cell
from .config import Study
from .executors import Executor
from .planner import Planner
from .store import StudyStore, is_complete

# Seconds after which a cell that another process ran is looked at again.
_LATER = 5.0


class StudyProgress:
    """Cells that are known, running, finished and failed.

    Args:
        study (Study): The study.

    Attributes:
        entries (list[Cell]): The cells known so far, as often as arms share them.
        results (dict): Results of cells that are trained, if not scored, by key.
        finished (dict): Those that have all scores.
        failed (dict): The last error line of the failed cells, by key.
        running (list[str]): Keys of the cells that this process has started.
    """

    def __init__(self, study: Study) -> None:
        self.study = study
        self.entries: list[Cell] = []
        self.results: dict[str, dict[str, Any]] = {}
        self.finished: dict[str, dict[str, Any]] = {}
        self.failed: dict[str, str] = {}
        self.running: list[str] = []
        self._began, self._at_start = time.monotonic(), 0

    def begin(self) -> None:
        """Count the time, and what is finished, from now on."""
        self._began, self._at_start = time.monotonic(), len(self.finished)

    def state(self, cell: Cell) -> str:
        """Tell the state of a cell: 'done', 'failed', 'running' or 'waiting'.

        Args:
            cell (Cell): One of the entries.
        """
        known = dict(done=self.finished, failed=self.failed, running=self.running)
        return next((state for state, keys in known.items() if cell.key in keys), 'waiting')

    @property
    def total(self) -> int:
        """The number of cells, with those not known yet of arms that are being tuned."""
        known = {(cell.arm, cell.seed) for cell in self.entries if cell.role == TRAINING}
        unknown = len(self.study.arms) * len(self.study.seeds) - len(known)
        return len({cell.key for cell in self.entries}) + unknown

    @property
    def seconds_left(self) -> float | None:
        """Seconds that the rest will take at the pace so far; None before a cell has ended."""
        done = len(self.finished) - self._at_start
        if done < 1:
            return None
        left = self.total - len(self.finished) - len(self.failed)
        return (time.monotonic() - self._began) * left / done


def run_study(
    planner: Planner,
    store: StudyStore,
    executor: Executor,
    show: Callable[[StudyProgress], None],
) -> StudyProgress:
    """Run all cells that are not finished yet.

    A cell that fails does not stop the others; the next start tries it again.

    Args:
        planner (Planner): Knows the cells.
        store (StudyStore): The study's folder.
        executor (Executor): Runs them.
        show (Callable): Is called with the progress, twice a second at most.

    Returns:
        StudyProgress: How all ended.

    Raises:
        CTError: If an arm cannot be trained.
    """
    progress = StudyProgress(planner.study)
    wake: dict[str, float] = {}
    try:
        cells = _known(planner, store, progress)
        progress.begin()
        while True:
            for cell in cells:
                if not executor.has_room or not _is_ready(cell, progress, executor, wake):
                    continue
                if _is_locked(store.run(cell.key)):
                    wake[cell.key] = time.monotonic() + _LATER
                else:
                    executor.start(cell, store.folder.resolve())
            progress.running = executor.running
            show(progress)
            if executor.running:
                for outcome in executor.wait(0.5):
                    wake.pop(outcome.key, None)
                    if outcome.state == FAILED:
                        progress.failed[outcome.key] = outcome.error
                    elif outcome.state == BUSY:
                        wake[outcome.key] = time.monotonic() + _LATER
            elif any(key not in progress.finished for key in wake):
                time.sleep(0.5)
            else:
                return progress
            cells = _known(planner, store, progress)
    finally:
        executor.close()


def _known(planner: Planner, store: StudyStore, progress: StudyProgress) -> list[Cell]:
    """Find the cells that are known now, and which of them are finished."""
    while True:
        known = dict(progress.results)
        cells = planner.cells(progress.results)
        needed = {
            key
            for cell in cells
            if cell.needs and cell.key not in progress.finished and not store.is_finished(cell)
            for key in cell.needs
        }
        for cell in cells:
            # A trial that is chosen may be a cell of the arm: then it has more scores.
            before = progress.finished.get(cell.key)
            if before is not None and is_complete(before, cell.scores):
                continue
            progress.finished.pop(cell.key, None)
            finished = store.is_finished(cell)
            # Its result outlives its weights where runs/ was deleted.
            if finished and cell.key in needed:
                finished = store.has_weights(cell.key)
            if (result := store.result(cell.key)) is not None:
                progress.results[cell.key] = result
                if finished:
                    progress.finished[cell.key] = result
        # What has a result may make more cells known: those of a tuned arm.
        if progress.results == known:
            progress.entries = planner.entries(progress.results)
            store.keep_plan(planner.plan(progress.results))
            return cells


def _is_ready(
    cell: Cell, progress: StudyProgress, executor: Executor, wake: dict[str, float]
) -> bool:
    return (
        cell.key not in progress.finished
        and cell.key not in progress.failed
        and cell.key not in executor.running
        and all(key in progress.finished for key in cell.needs)
        and wake.get(cell.key, 0) <= time.monotonic()
    )


def _is_locked(folder: Path) -> bool:
    """Tell if another process runs a cell: one of ours would start for nothing."""
    try:
        lock_folder(folder, 'use another --work-dir').release()
    except LockedError:
        return True
    return False
