"""One run of a study, and how it ended."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mmengine.config import Config

from mmct.corruptions import identities
from mmct.runs.identity import texts

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


@dataclass(frozen=True)
class Outcome:
    """The end of a cell.

    Attributes:
        key (str): The cell's.
        state (str): DONE, BUSY or FAILED.
        error (str): The last line of the error.
    """

    key: str
    state: str
    error: str = ''


def settings_mark(settings: Mapping[str, Any]) -> str:
    """Name the settings of a score by their content, and by what the user's own corruptions are.

    Args:
        settings (Mapping): Of a score.

    Returns:
        str: As :func:`hashed`.
    """
    own = identities(texts(settings))
    return hashed([settings, own] if own else settings)


def hashed(value: Any) -> str:
    """Name a value by its content: the same for equal ones.

    Args:
        value: Anything that JSON can hold.

    Returns:
        str: 16 hexadecimal digits.
    """
    text = json.dumps(value, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]
