"""Run the cells of a study: the interface of executors, and the executor for this machine."""

import multiprocessing
import os
import signal
import sys
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing import connection
from pathlib import Path
from typing import Any

import torch

from mmct.runs.errors import CTError
from mmct.runs.ranks import available_cores

from .cell import FAILED, Cell, Outcome
from .rehearsal import rehearse_cells
from .store import StudyStore
from .worker import run_cell


class Executor(ABC):
    """Base class of executors, which run cells in parallel, each in its own process.

    Args:
        jobs (int): Number of cells to run at once.
    """

    def __init__(self, jobs: int) -> None:
        self.jobs = jobs

    @property
    @abstractmethod
    def running(self) -> list[str]:
        """Return the keys of the running cells."""

    @property
    def has_room(self) -> bool:
        """Return whether another cell may be started."""
        return len(self.running) < self.jobs

    @abstractmethod
    def start(self, cell: Cell, folder: Path) -> None:
        """Start a cell.

        Args:
            cell (Cell): The cell.
            folder (Path): The folder of the study.
        """

    @abstractmethod
    def wait(self, seconds: float) -> list[Outcome]:
        """Wait until a cell ends.

        Args:
            seconds (float): Maximum time to wait, in seconds.

        Returns:
            list[Outcome]: Outcomes of the cells that have ended, which may be none.
        """

    @abstractmethod
    def close(self) -> None:
        """Stop the running cells; the next start of the study continues them."""


class LocalExecutor(Executor):
    """Run each cell in a new process on this machine.

    The processes are spawned, as a forked process cannot initialise CUDA once its parent has
    queried it, which mmengine does on import. A ``ProcessPoolExecutor`` would fail all cells
    when one process dies, for example for lack of memory, and hides the exit code. No process
    runs two cells, although this costs some seconds of imports, as lasting changes made by
    one cell (torch's flags, registered classes, a logger's global run) could affect the next.

    The output of a cell goes to ``log.txt`` in the folder of its run. GPUs are assigned to
    the processes in turn. The cores are split among the processes unless ``OMP_NUM_THREADS``
    is set.

    Args:
        jobs (int): Number of cells to run at once.
    """

    def __init__(self, jobs: int) -> None:
        super().__init__(jobs)
        self._slots: dict[int, tuple[Cell, multiprocessing.Process, connection.Connection]] = {}

    @property
    def running(self) -> list[str]:
        """Return the keys of the running cells."""
        return [cell.key for cell, _, _ in self._slots.values()]

    def start(self, cell: Cell, folder: Path) -> None:
        """Start a cell; see :class:`Executor`."""
        slot = min(set(range(self.jobs)) - set(self._slots))
        variables = _environment(slot, self.jobs)
        self._slots[slot] = cell, *_spawned(log_of(cell, folder), variables, run_cell, cell, folder)

    def wait(self, seconds: float) -> list[Outcome]:
        """Wait until a cell ends; see :class:`Executor`."""
        connection.wait([process.sentinel for _, process, _ in self._slots.values()], seconds)
        ended = [slot for slot, (_, process, _) in self._slots.items() if not process.is_alive()]
        return [_outcome(*self._slots.pop(slot)) for slot in ended]

    def close(self) -> None:
        """Stop the running cells; the next start of the study continues them."""
        for _, process, _ in self._slots.values():
            process.kill()
        for _, process, _ in self._slots.values():
            process.join()
        self._slots = {}


def check_training(cells: list[Cell], folder: Path) -> None:
    """Try out the training of each arm, see :func:`mmct.studies.rehearsal.rehearse_cells`.

    This happens in a separate process, so that this one occupies no GPU memory.

    Args:
        cells (list[Cell]): The cells to train.
        folder (Path): The folder of the study, where ``rehearsal.txt`` gets the output.

    Raises:
        CTError: If an arm cannot be trained; the message names it.
    """
    log = folder / 'rehearsal.txt'
    process, receiver = _spawned(log, {}, rehearse_cells, cells)
    try:
        wrong = receiver.recv()
    except EOFError:
        process.join()
        wrong = f'the rehearsal of the arms ended with code {process.exitcode}'
    finally:
        process.kill()
        process.join()
        receiver.close()
    if wrong:
        raise CTError(f'{wrong}; {log} shows where')


def log_to_file(path: Path) -> None:
    """Redirect the output of this process and its children to a file.

    Args:
        path (Path): The file, to which output is appended.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open('a', encoding='utf-8') as file:
        sys.stdout.flush()
        sys.stderr.flush()
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)


def log_of(cell: Cell, folder: Path) -> Path:
    """Return the log file of a cell.

    Args:
        cell (Cell): The cell.
        folder (Path): The folder of the study.

    Returns:
        Path: The file that gets the output of the cell.
    """
    return StudyStore(folder).run(cell.key) / 'log.txt'


def _environment(slot: int, jobs: int) -> dict[str, str]:
    """Choose the GPU and the number of threads of a process."""
    variables = {}
    if 'OMP_NUM_THREADS' not in os.environ:
        variables['OMP_NUM_THREADS'] = str(max(1, available_cores() // jobs))
    count = torch.cuda.device_count()
    if count:
        visible = os.environ.get('CUDA_VISIBLE_DEVICES')
        names = visible.split(',') if visible else [str(number) for number in range(count)]
        variables['CUDA_VISIBLE_DEVICES'] = names[slot % count]
    return variables


@contextmanager
def _inherited(log: Path, variables: dict[str, str]) -> Iterator[None]:
    """Set the environment, output and signals that a process started in the block inherits.

    They must be in place before its imports, which print and query CUDA. Ctrl-C reaches the whole
    process group but is left to the study, which then ends its cells.
    """
    before = dict(os.environ)
    streams = os.dup(1), os.dup(2)
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
    try:
        os.environ.update(variables)
        log_to_file(log)
        yield
    finally:
        for number, stream in enumerate(streams, start=1):
            os.dup2(stream, number)
            os.close(stream)
        for name in variables:
            os.environ.pop(name)
        os.environ.update(before)
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)


def _spawned(
    log: Path, variables: dict[str, str], work: Callable, *args: Any
) -> tuple[multiprocessing.Process, connection.Connection]:
    """Start a process, and return it with the connection that receives its result."""
    spawn = multiprocessing.get_context('spawn')
    receiver, sender = spawn.Pipe(duplex=False)
    process = spawn.Process(target=_in_process, args=(sender, work, *args))
    with _inherited(log, variables):
        process.start()
    sender.close()
    return process, receiver


def _in_process(sender: connection.Connection, work: Callable, *args: Any) -> None:
    threading.Thread(target=_end_with_the_study, daemon=True).start()
    sender.send(work(*args))


def _end_with_the_study() -> None:
    # A killed study cannot stop its cells, which would continue unnoticed.
    multiprocessing.parent_process().join()
    os._exit(1)


def _outcome(
    cell: Cell, process: multiprocessing.Process, receiver: connection.Connection
) -> Outcome:
    with receiver:
        try:
            return receiver.recv()
        except EOFError:
            code = process.exitcode
            how = f'was killed by signal {-code}' if code < 0 else f'ended with code {code}'
            log = Path('runs') / cell.key / 'log.txt'
            return Outcome(cell.key, FAILED, f'its process {how}; see {log}')
