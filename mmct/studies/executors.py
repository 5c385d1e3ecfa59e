"""Executors: places where cells run, and the one for this machine."""

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
    """Runs cells at the same time, each in a process of its own.

    Args:
        jobs (int): How many run at once.
    """

    def __init__(self, jobs: int) -> None:
        self.jobs = jobs

    @property
    @abstractmethod
    def running(self) -> list[str]:
        """The keys of the cells that run."""

    @property
    def has_room(self) -> bool:
        """True if another cell may be started."""
        return len(self.running) < self.jobs

    @abstractmethod
    def start(self, cell: Cell, folder: Path) -> None:
        """Start a cell.

        Args:
            cell (Cell): The cell.
            folder (Path): The study's.
        """

    @abstractmethod
    def wait(self, seconds: float) -> list[Outcome]:
        """Wait until a cell ends.

        Args:
            seconds (float): How long at most.

        Returns:
            list[Outcome]: Those of the cells that have ended; may be empty.
        """

    @abstractmethod
    def close(self) -> None:
        """Stop what still runs. It goes on at the next start of the study."""


class LocalExecutor(Executor):
    """Runs each cell in a fresh process of this machine.

    The processes are spawned: in a forked one CUDA cannot be initialised once the parent
    has asked for it, as mmengine does when it is imported. A ``ProcessPoolExecutor`` would
    fail all cells when one process dies, such as for want of memory, and does not tell its
    exit code. No process runs two cells, though that costs some seconds of imports: what a cell
    changes for good (torch's flags, registered classes, a logger's global run) could
    change the next one.

    What a cell prints is in ``log.txt`` of its run. With GPUs each process gets one, in
    turn. The cores are shared out, unless ``OMP_NUM_THREADS`` is set.

    Args:
        jobs (int): How many run at once.
    """

    def __init__(self, jobs: int) -> None:
        super().__init__(jobs)
        self._slots: dict[int, tuple[Cell, multiprocessing.Process, connection.Connection]] = {}

    @property
    def running(self) -> list[str]:
        """The keys of the cells that run."""
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
        """Stop what still runs. It goes on at the next start of the study."""
        for _, process, _ in self._slots.values():
            process.kill()
        for _, process, _ in self._slots.values():
            process.join()
        self._slots = {}


def check_training(cells: list[Cell], folder: Path) -> None:
    """Try the training of each arm, see :func:`mmct.studies.rehearsal.rehearse_cells`.

    In a process of its own: this one shall have no memory of a GPU.

    Args:
        cells (list[Cell]): Those that are to be trained.
        folder (Path): The study's; what is printed is in its ``rehearsal.txt``.

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
    """Let this process, and those that it starts, print to a file.

    Args:
        path (Path): What is there already stays.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open('a', encoding='utf-8') as file:
        sys.stdout.flush()
        sys.stderr.flush()
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)


def log_of(cell: Cell, folder: Path) -> Path:
    """Name the file that gets what a cell prints.

    Args:
        cell (Cell): The cell.
        folder (Path): The study's.
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
    """Set what a process that is started here has from its first import on.

    Its imports print, and ask for CUDA. Ctrl-C, which reaches the whole group, is
    left to the study, which then ends its cells.
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
    """Start a process, and give it with the place where what its work returns comes out."""
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
    # A study that was killed cannot stop its cells: they would train on unseen.
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
