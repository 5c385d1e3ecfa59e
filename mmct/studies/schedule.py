"""Running the cells of a study until all are finished."""

import time
from collections.abc import Callable

from .cell import Cell
from .executors.executor import Executor
from .planner import Planner
from .progress import Progress
from .store import StudyStore, is_complete
from .task import BUSY, FAILED, Outcome, Task

# Seconds after which a cell that another process ran is looked at again.
_LATER = 5.0


def run_study(
    planner: Planner, store: StudyStore, executor: Executor, show: Callable[[Progress], None]
) -> Progress:
    """Run all cells that are not finished yet.

    A cell that fails does not stop the others; the next start tries it again.

    Args:
        planner (Planner): Knows the cells.
        store (StudyStore): The study's folder.
        executor (Executor): Runs them.
        show (Callable): Is called with the progress, twice a second at most.

    Returns:
        Progress: How all ended.

    Raises:
        CTError: If an arm cannot be trained.
    """
    progress = Progress(planner.study, store)
    wake: dict[str, float] = {}
    try:
        while True:
            cells = _known(planner, store, progress)
            for cell in cells:
                if not executor.has_room:
                    break
                if _is_ready(cell, progress, executor, wake):
                    executor.start(Task.of(cell, store))
                    progress.started(cell.key)
            progress.set_running(executor.running)
            show(progress)
            waiting = [key for key in wake if key not in progress.finished]
            if not executor.running:
                if not waiting:
                    return progress
                time.sleep(0.5)
            for outcome in executor.wait(0.5) if executor.running else []:
                _note(outcome, progress, wake)
    finally:
        executor.close()


def _known(planner: Planner, store: StudyStore, progress: Progress) -> list[Cell]:
    """The cells that are known now, and which of them are finished."""
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
                progress.finish(cell.key)
        progress.set_cells(planner.entries(progress.results))
        # What has a result may make more cells known: those of a tuned arm.
        if progress.results == known:
            store.keep_plan(planner.plan(progress.results))
            return cells


def _is_ready(cell: Cell, progress: Progress, executor: Executor, wake: dict[str, float]) -> bool:
    return (
        cell.key not in progress.finished
        and cell.key not in progress.failed
        and cell.key not in executor.running
        and all(key in progress.finished for key in cell.needs)
        and wake.get(cell.key, 0) <= time.monotonic()
    )


def _note(outcome: Outcome, progress: Progress, wake: dict[str, float]) -> None:
    if outcome.state == FAILED:
        progress.failed[outcome.key] = outcome.error
        wake.pop(outcome.key, None)
    elif outcome.state == BUSY:
        wake[outcome.key] = time.monotonic() + _LATER
    else:
        wake.pop(outcome.key, None)
