"""The log of a cell."""

import os
import sys

from ..store import StudyStore
from ..task import Task


def log_to_file(task: Task) -> None:
    """Let this process, and those that it starts, print to ``log.txt`` of a run.

    Args:
        task (Task): The cell.
    """
    log = StudyStore(task.folder).run(task.key) / 'log.txt'
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open('a', encoding='utf-8') as file:
        sys.stdout.flush()
        sys.stderr.flush()
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
