"""Run the cells of a study until all are finished."""

import time
from collections.abc import Callable, Container, Mapping
from pathlib import Path
from typing import Any

from mmct.runs.errors import LockedError
from mmct.runs.files import lock_folder

from .cell import BUSY, FAILED, TRAINING, Cell
from .config import Study
from .executors import Executor
from .planner import Planner
from .store import StudyStore, is_complete

# Seconds before checking a cell again that another process is running.
_LATER = 5.0
# The part of a cell that must be done before the pace says something.
_FIRST = 0.05
# The part of a cell that its training is taken to be; the rest is its scores.
_TRAINED = 0.8


class StudyProgress:
    """The known, running, finished and failed cells (runs) of a study.

    Args:
        study (Study): The study.

    Attributes:
        entries (list[Cell]): The cells known so far; a cell that arms share is listed
            once for each.
        results (dict): Results of the trained cells, scored or not, by key.
        finished (dict): Results of the cells that have all scores, by key.
        failed (dict): The last error line of the failed cells by key.
        running (list[str]): Keys of the running cells that this process has started.
    """

    def __init__(self, study: Study) -> None:
        self.study = study
        self.entries: list[Cell] = []
        self.results: dict[str, dict[str, Any]] = {}
        self.finished: dict[str, dict[str, Any]] = {}
        self.failed: dict[str, str] = {}
        self.running: list[str] = []
        self._began = time.monotonic()
        # The part of cells that was done when this process found them, and now.
        self._before: dict[str, float] = {}
        self._parts: dict[str, float] = {}

    def begin(self) -> None:
        """Start to measure the pace for :attr:`seconds_left`."""
        self._began = time.monotonic()
        self._before = self._done_parts()

    def run(self, parts: Mapping[str, float]) -> None:
        """Say which cells run, and how far they are.

        Args:
            parts (Mapping): The trained fraction of each running cell by key.
        """
        self.running = list(parts)
        self._parts = {key: _TRAINED * part for key, part in parts.items()}
        # A cell that goes on where it was killed is not trained from its beginning.
        self._before = {**self._parts, **self._before}

    def state(self, cell: Cell) -> str:
        """Return the state of a cell.

        Args:
            cell (Cell): One of the entries.

        Returns:
            str: 'done', 'failed', 'running' or 'waiting'.
        """
        known = dict(done=self.finished, failed=self.failed, running=self.running)
        return next((state for state, keys in known.items() if cell.key in keys), 'waiting')

    @property
    def total(self) -> int:
        """Return the number of cells, including those to come of arms that are being tuned."""
        known = {(cell.arm, cell.seed) for cell in self.entries if cell.role == TRAINING}
        unknown = len(self.study.arms) * len(self.study.seeds) - len(known)
        return len({cell.key for cell in self.entries}) + unknown

    @property
    def seconds_left(self) -> float | None:
        """Estimate the remaining seconds at the pace so far; None at first."""
        parts = self._done_parts()
        done = sum(part - self._before.get(key, 0.0) for key, part in parts.items())
        if done < _FIRST:
            return None
        left = self.total - len(self.failed) - sum(parts.values())
        return (time.monotonic() - self._began) * left / done

    def _done_parts(self) -> dict[str, float]:
        """List the part of each cell that is done; a trained one may need further scores."""
        trained = dict.fromkeys(self.results, _TRAINED)
        return {**trained, **self._parts, **dict.fromkeys(self.finished, 1.0)}


def run_study(
    planner: Planner,
    store: StudyStore,
    executor: Executor,
    show: Callable[[StudyProgress], None],
) -> StudyProgress:
    """Run all cells that are not finished yet.

    A cell that fails does not stop the others; the next start retries it.

    Args:
        planner (Planner): Plans the cells.
        store (StudyStore): The folder of the study.
        executor (Executor): Runs the cells.
        show (Callable): Called with the progress, at most twice per second.

    Returns:
        StudyProgress: The final progress.

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
            progress.run({key: store.trained_part(key) for key in executor.running})
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
    """List the cells that are known now, and update which of them are finished."""
    while True:
        known = dict(progress.results)
        cells = planner.cells(progress.results)
        needed = needed_weights(cells, store, progress.finished)
        for cell in cells:
            # A chosen trial may also be a cell of the arm, which then needs more scores.
            before = progress.finished.get(cell.key)
            if before is not None and is_complete(before, cell):
                continue
            progress.finished.pop(cell.key, None)
            finished = store.is_finished(cell)
            if finished and cell.key in needed:
                finished = store.has_weights(cell.key)
            if (result := store.result(cell.key)) is not None:
                progress.results[cell.key] = result
                if finished:
                    progress.finished[cell.key] = result
        # New results may determine further cells: those of a tuned arm.
        if progress.results == known:
            progress.entries = planner.entries(progress.results)
            store.keep_plan(planner.plan(progress.results))
            return cells


def needed_weights(
    cells: list[Cell], store: StudyStore, finished: Container[str] = ()
) -> set[str]:
    """List the cells whose weights are needed by those that are to be trained.

    Args:
        cells (list[Cell]): The cells of the study.
        store (StudyStore): Its folder.
        finished (Container[str]): Keys of cells that are known to be finished. Defaults to none.

    Returns:
        set[str]: Their keys.
    """
    by_key = {cell.key: cell for cell in cells if cell.needs and cell.key not in finished}
    ahead = [cell for cell in by_key.values() if not store.is_finished(cell)]
    needed: set[str] = set()
    while ahead:
        keys = set(ahead.pop().needs) - needed
        needed |= keys
        # If runs/ was deleted, a result is still there but not the weights.
        lost = [key for key in keys if key in by_key and not store.has_weights(key)]
        ahead += [by_key[key] for key in lost]
    return needed


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
    """Check whether another process runs a cell, to avoid starting one in vain."""
    try:
        lock_folder(folder, 'use another --work-dir').release()
    except LockedError:
        return True
    return False
