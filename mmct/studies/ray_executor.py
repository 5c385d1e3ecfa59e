"""Cells as tasks of Ray."""

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

from mmct.runs.errors import CTError, one_line

from .cell import FAILED, Cell, Outcome
from .executors import Executor, log_of, log_to_file
from .worker import run_cell

# How often a cell is tried on other workers when its own died.
_RETRIES = 3
# Seconds that a cluster has to answer.
_PATIENCE = 20
_PROBE = 'import ray, sys; ray.init(sys.argv[1])'


class RayExecutor(Executor):
    """Runs each cell as a task of a Ray cluster.

    The study's folder and the data must lie where all machines see them, under
    the same paths. A cell whose worker or machine dies is tried elsewhere.

    Args:
        jobs (int): How many are given to Ray at once.
        address (str, optional): Address of a running cluster. None:
            ``RAY_ADDRESS``, or else a Ray of this machine alone is started.

    Raises:
        CTError: If Ray is not installed, or the address does not answer.
    """

    def __init__(self, jobs: int, address: str | None = None) -> None:
        try:
            import ray
        except ImportError as error:
            raise CTError("--executor ray needs Ray: pip install 'mmct[ray]'") from error
        super().__init__(jobs)
        self._ray = ray
        # 'local' starts one, even if one is running.
        _connect(ray, address or os.environ.get('RAY_ADDRESS') or 'local')
        gpus = ray.cluster_resources().get('GPU', 0)
        self._task = ray.remote(
            num_cpus=1, num_gpus=1 if gpus else 0, max_retries=_RETRIES, max_calls=1
        )(_on_worker)
        self._cells: dict[Any, Cell] = {}

    @property
    def running(self) -> list[str]:
        """The keys of the cells that run."""
        return [cell.key for cell in self._cells.values()]

    def start(self, cell: Cell, folder: Path) -> None:
        """Start a cell; see :class:`Executor`."""
        self._cells[self._task.remote(cell, folder, os.getcwd())] = cell

    def wait(self, seconds: float) -> list[Outcome]:
        """Wait until a cell ends; see :class:`Executor`."""
        ended, _ = self._ray.wait(
            list(self._cells), num_returns=len(self._cells), timeout=seconds, fetch_local=False
        )
        outcomes = []
        for reference in ended:
            cell = self._cells.pop(reference)
            try:
                outcomes.append(self._ray.get(reference))
            except self._ray.exceptions.RayError as error:
                lines = str(error).strip().splitlines() or [type(error).__name__]
                outcomes.append(Outcome(cell.key, FAILED, lines[-1]))
        return outcomes

    def close(self) -> None:
        """Stop what still runs. It goes on at the next start of the study."""
        for reference in self._cells:
            self._ray.cancel(reference, force=True)
        self._cells = {}
        self._ray.shutdown()


def _on_worker(cell: Cell, folder: Path, current: str) -> Outcome:
    os.chdir(current)  # the paths of data may be relative to it
    log_to_file(log_of(cell, folder))
    return run_cell(cell, folder)


def _connect(ray: Any, address: str) -> None:
    if re.fullmatch(r'[^:/]+:\d+', address):
        _check_answer(address)
    try:
        ray.init(address=address, log_to_driver=False, logging_level='ERROR')
    except Exception as error:
        # Ray says it with many kinds of errors.
        raise CTError(f'no Ray answers at {address}: {one_line(error)[:200]}') from error


def _check_answer(address: str) -> None:
    # In a process of its own: where none answers, ray.init waits for minutes and
    # then ends the process that called it.
    command = [sys.executable, '-c', _PROBE, address]
    try:
        subprocess.run(command, capture_output=True, check=True, timeout=_PATIENCE)
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
        remedy = 'start one with "ray start --head", or leave --ray-address out'
        if b'AuthToken' in (error.stderr or b''):
            remedy = 'it wants a token; set RAY_AUTH_MODE=token, and RAY_AUTH_TOKEN if need be'
        raise CTError(f'no Ray answers at {address} within {_PATIENCE} s: {remedy}') from error
