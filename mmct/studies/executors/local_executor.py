"""Cells in processes of this machine."""

import multiprocessing
import os
import sys
import threading
from multiprocessing import connection
from pathlib import Path

import torch

from mmct.runs.ranks import available_cores

from ..running import run_cell
from ..task import FAILED, Outcome, Task
from .cell_log import log_to_file
from .executor import Executor


class LocalExecutor(Executor):
    """Runs each cell in a process that has imported everything already.

    What a cell prints is in ``log.txt`` of its run. With GPUs each process gets
    one, in turn; without, the cores are shared out, unless
    ``OMP_NUM_THREADS`` says otherwise.

    Args:
        jobs (int): How many run at once.
    """

    def __init__(self, jobs: int) -> None:
        self.jobs = jobs
        self._context = multiprocessing.get_context('forkserver')
        self._context.set_forkserver_preload(['mmct.studies'])
        self._slots: dict[int, tuple[Task, multiprocessing.Process, connection.Connection]] = {}

    @property
    def running(self) -> list[str]:
        """The keys of the cells that run."""
        return [task.key for task, _, _ in self._slots.values()]

    @property
    def has_room(self) -> bool:
        """Whether another task may be started."""
        return len(self._slots) < self.jobs

    def start(self, task: Task) -> None:
        """Start a task.

        Args:
            task (Task): The cell.
        """
        slot = min(set(range(self.jobs)) - set(self._slots))
        receiver, sender = self._context.Pipe(duplex=False)
        process = self._context.Process(
            target=_in_process, args=(task, sender, _device(slot), _threads(self.jobs))
        )
        process.start()
        sender.close()
        self._slots[slot] = task, process, receiver

    def wait(self, seconds: float) -> list[Outcome]:
        """Wait until a task ends.

        Args:
            seconds (float): At most.

        Returns:
            list[Outcome]: Of those that have ended; may be empty.
        """
        ends = [process.sentinel for _, process, _ in self._slots.values()]
        connection.wait(ends, seconds)
        outcomes = []
        for slot, (task, process, receiver) in list(self._slots.items()):
            if not process.is_alive():
                process.join()
                outcomes.append(_outcome(task, process, receiver))
                del self._slots[slot]
        return outcomes

    def close(self) -> None:
        """Stop what still runs. It goes on at the next start of the study."""
        for _, process, _ in self._slots.values():
            process.terminate()
        for _, process, _ in self._slots.values():
            process.join(10)
            if process.is_alive():
                process.kill()
                process.join()
        self._slots = {}


def _device(slot: int) -> str | None:
    count = torch.cuda.device_count()
    if not count:
        return None
    visible = os.environ.get('CUDA_VISIBLE_DEVICES')
    names = visible.split(',') if visible else [str(number) for number in range(count)]
    return names[slot % count]


def _threads(jobs: int) -> int | None:
    if 'OMP_NUM_THREADS' in os.environ:
        return None
    return max(1, available_cores() // jobs)


def _in_process(
    task: Task, sender: connection.Connection, device: str | None, threads: int | None
) -> None:
    log_to_file(task)
    threading.Thread(target=_end_with_the_study, daemon=True).start()
    if device is not None:
        os.environ['CUDA_VISIBLE_DEVICES'] = device
    if threads is not None:
        torch.set_num_threads(threads)
    try:
        sender.send(run_cell(task))
    except KeyboardInterrupt:
        # Ctrl-C reaches the whole group; the study itself says what it means.
        sys.exit(130)


def _end_with_the_study() -> None:
    # A study that was killed cannot stop its cells: they would train on unseen.
    multiprocessing.parent_process().join()
    os._exit(1)


def _outcome(
    task: Task, process: multiprocessing.Process, receiver: connection.Connection
) -> Outcome:
    try:
        return receiver.recv()
    except EOFError:
        code = process.exitcode
        how = f'was killed by signal {-code}' if code < 0 else f'ended with code {code}'
        log = Path('runs') / task.key / 'log.txt'
        return Outcome(task.key, FAILED, f'its process {how}; see {log}')
    finally:
        receiver.close()
