"""Run the cells of a study as tasks of Ray."""

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

# Number of retries of a cell on other workers if its worker dies.
_RETRIES = 3
# Seconds to wait for a cluster to answer.
_PATIENCE = 20
_PROBE = 'import ray, sys; ray.init(sys.argv[1])'


class RayExecutor(Executor):
    """Run each cell as a task of a Ray cluster.

    All machines must see the folder of the study and the data under the same
    paths. If a worker or machine dies, its cell is retried elsewhere.

    Args:
        jobs (int): Number of cells to submit to Ray at once.
        address (str, optional): Address of a running cluster. Defaults to None:
            ``RAY_ADDRESS`` if that is set, else Ray is started on this machine.

    Raises:
        CTError: If Ray is not installed, or the address does not answer.
    """

    def __init__(self, jobs: int, address: str | None = None) -> None:
        try:
            import ray
        except ImportError as error:
            raise CTError("--executor ray needs Ray: pip install ray") from error
        super().__init__(jobs)
        self._ray = ray
        # 'local' starts Ray on this machine, even if a cluster is running.
        _connect(ray, address or os.environ.get('RAY_ADDRESS') or 'local')
        gpus = ray.cluster_resources().get('GPU', 0)
        self._task = ray.remote(
            num_cpus=1, num_gpus=1 if gpus else 0, max_retries=_RETRIES, max_calls=1
        )(_on_worker)
        self._cells: dict[Any, Cell] = {}

    @property
    def running(self) -> list[str]:
        """Return the keys of the running cells."""
        return [cell.key for cell in self._cells.values()]

    def start(self, cell: Cell, folder: Path) -> None:
        """Start a cell; see :class:`Executor`."""
        self._cells[self._task.remote(cell, folder, os.getcwd(), sys.path)] = cell

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
        """Stop the running cells; the next start of the study continues them."""
        for reference in self._cells:
            self._ray.cancel(reference, force=True)
        self._cells = {}
        self._ray.shutdown()


def _on_worker(cell: Cell, folder: Path, current: str, modules: list[str]) -> Outcome:
    os.chdir(current)  # paths of data may be relative
    # Modules of the user's may lie beside a config.
    sys.path += [place for place in modules if place not in sys.path]
    log_to_file(log_of(cell, folder))
    return run_cell(cell, folder)


def _connect(ray: Any, address: str) -> None:
    if re.fullmatch(r'[^:/]+:\d+', address):
        _check_answer(address)
    try:
        ray.init(address=address, log_to_driver=False, logging_level='ERROR')
    except Exception as error:
        # Ray raises many types of errors here.
        raise CTError(f'no Ray answers at {address}: {one_line(error)[:200]}') from error


def _check_answer(address: str) -> None:
    # In a separate process: without an answer, ray.init waits for minutes and then
    # ends the calling process.
    command = [sys.executable, '-c', _PROBE, address]
    try:
        subprocess.run(command, capture_output=True, check=True, timeout=_PATIENCE)
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
        remedy = 'start one with "ray start --head", or leave --ray-address out'
        if b'AuthToken' in (error.stderr or b''):
            remedy = 'it needs a token: set RAY_AUTH_MODE=token and, if necessary, RAY_AUTH_TOKEN'
        raise CTError(f'no Ray answers at {address} within {_PATIENCE} s: {remedy}') from error
