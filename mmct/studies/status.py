"""How far a cell is, for whoever shows it."""

import json
import os
import time
from pathlib import Path

from mmengine.hooks import Hook
from mmengine.runner import Runner

from .store import StudyStore

_EVERY = 2.0  # seconds


class Status:
    """``status.json`` in a run's folder.

    Args:
        folder (Path): The run's.
    """

    def __init__(self, folder: Path) -> None:
        self._file = folder / 'status.json'
        self._written = 0.0

    def say(self, stage: str, done: float) -> None:
        """Write down how far it is, every two seconds at most.

        Args:
            stage (str): What is being done.
            done (float): How much of that stage, from 0 to 1.
        """
        now = time.monotonic()
        if now - self._written < _EVERY:
            return
        self._written = now
        # Not synchronised to the disk, as results are: it is worth nothing later.
        temporary = self._file.with_name('status.json.tmp')
        temporary.write_text(json.dumps(dict(stage=stage, done=done)), encoding='utf-8')
        os.replace(temporary, self._file)


def read_status(store: StudyStore, key: str) -> tuple[str, float]:
    """How far a running cell is.

    Args:
        store (StudyStore): The study's folder.
        key (str): The cell's.

    Returns:
        tuple[str, float]: Stage and part of it; 'starts' and 0 before any.
    """
    try:
        found = json.loads((store.run(key) / 'status.json').read_text(encoding='utf-8'))
        return str(found['stage']), float(found['done'])
    except (OSError, ValueError, KeyError, TypeError):
        return 'starts', 0.0


class StatusHook(Hook):
    """Says how far the training is.

    Args:
        status (Status): Where.
    """

    priority = 'VERY_LOW'

    def __init__(self, status: Status) -> None:
        self._status = status

    def after_train_iter(
        self,
        runner: Runner,
        batch_idx: int,
        data_batch: dict | None = None,
        outputs: dict | None = None,
    ) -> None:
        """Say it.

        Args:
            runner (Runner): The run.
            batch_idx (int): Number of the batch in its epoch.
            data_batch (dict, optional): The batch.
            outputs (dict, optional): Losses of the step.
        """
        self._status.say('trains', (runner.iter + 1) / runner.max_iters)
