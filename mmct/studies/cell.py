"""One run of a study, as a task for a process, and how it ended."""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mmengine.config import Config

TRAINING, TEACHER, TUNING = 'training', 'teacher', 'tuning'
"""Roles of cells: an arm's own, a shared teacher's, a trial of settings."""

DONE, BUSY, FAILED = 'done', 'busy', 'failed'
"""Outcomes: finished; another process runs the cell; an error stopped it."""


@dataclass(frozen=True)
class Cell:
    """A network that is trained once, and scored.

    Attributes:
        key (str): The hash of all that determines its weights.
        role (str): TRAINING, TEACHER or TUNING.
        arm (str): The arm that it belongs to.
        seed (int): Seed of its training.
        config (Config): The whole training config, without a work dir.
        scores (dict): Settings of each score, by name.
        needs (tuple[str]): Keys of the cells that come before it.
        point (int, optional): The number of the trial.
    """

    key: str
    role: str
    arm: str
    seed: int
    config: Config
    scores: dict[str, dict]
    needs: tuple[str, ...] = ()
    point: int | None = None

    @property
    def title(self) -> str:
        """The name of the cell in messages."""
        what = {TRAINING: '', TEACHER: ', teacher', TUNING: f', trial {self.point}'}[self.role]
        return f'{self.arm}{what}, seed {self.seed}'

    def task(self, folder: Path) -> 'Task':
        """Make the task of this cell.

        Args:
            folder (Path): The study's.
        """
        text = self.config.dump()
        return Task(str(folder.resolve()), self.key, self.title, text, self.scores, self.needs)


@dataclass(frozen=True)
class Task:
    """A cell, in a form that any process of any machine can read.

    Attributes:
        folder (str): The study's.
        key (str): The cell's.
        title (str): Its name in messages.
        config (str): The text of its config.
        scores (dict): Settings of each score, by name.
        needs (tuple[str]): Keys of the cells that come before it.
    """

    folder: str
    key: str
    title: str
    config: str
    scores: dict[str, dict]
    needs: tuple[str, ...]


@dataclass(frozen=True)
class Outcome:
    """How a cell ended.

    Attributes:
        key (str): The cell's.
        state (str): DONE, BUSY or FAILED.
        error (str): The last line of the error.
    """

    key: str
    state: str
    error: str = ''


def hashed(value: Any) -> str:
    """Name a value by its content: the same for equal ones.

    Args:
        value: Anything that JSON can hold.

    Returns:
        str: 16 hexadecimal digits.
    """
    text = json.dumps(value, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]
