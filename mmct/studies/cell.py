"""Define a cell, one run of a study, and its outcome."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mmengine.config import Config

from mmct.corruptions import identities
from mmct.runs.identity import texts

TRAINING, TEACHER, TUNING = 'training', 'teacher', 'tuning'
"""Roles of cells: a training of an arm, a shared teacher, or a trial of settings."""

DONE, BUSY, FAILED = 'done', 'busy', 'failed'
"""States: finished, run by another process, or stopped by an error."""


@dataclass(frozen=True)
class Cell:
    """A network that is trained once and then scored.

    Attributes:
        key (str): A hash of everything that determines the weights.
        role (str): TRAINING, TEACHER or TUNING.
        arm (str): Name of the arm, the way of training to which the cell belongs.
        seed (int): Seed of the training.
        config (Config): The whole training config, without a work dir.
        scores (dict): Settings of each score by name.
        needs (tuple[str]): Keys of the cells that must finish first.
        point (int, optional): Number of the trial.
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
        """Return the name of the cell in messages."""
        what = {TRAINING: '', TEACHER: ', teacher', TUNING: f', trial {self.point}'}[self.role]
        return f'{self.arm}{what}, seed {self.seed}'


@dataclass(frozen=True)
class Outcome:
    """The outcome of running a cell.

    Attributes:
        key (str): Key of the cell.
        state (str): DONE, BUSY or FAILED.
        error (str): The last line of the error. Defaults to ''.
    """

    key: str
    state: str
    error: str = ''


def images_mark(cfg: Mapping[str, Any]) -> str:
    """Hash the description of the images that scores read, except for where they are.

    Args:
        cfg (Mapping): The config of a cell.

    Returns:
        str: The hash of its validation and test set, see :func:`hashed`.
    """
    loaders = (cfg.get(f'{split}_dataloader') or {} for split in ('val', 'test'))
    return hashed([_elsewhere(loader.get('dataset')) for loader in loaders])


def _elsewhere(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _elsewhere(item) for key, item in value.items() if key != 'data_root'}
    return [_elsewhere(item) for item in value] if isinstance(value, (list, tuple)) else value


def settings_mark(settings: Mapping[str, Any]) -> str:
    """Hash the settings of a score, and the code of the user's own corruptions in them.

    Args:
        settings (Mapping): The settings of a score.

    Returns:
        str: The hash, see :func:`hashed`.
    """
    own = identities(texts(settings))
    return hashed([settings, own] if own else settings)


def hashed(value: Any) -> str:
    """Hash a value by its content.

    Args:
        value (Any): Anything that JSON can hold.

    Returns:
        str: 16 hexadecimal digits, the same for equal values.
    """
    text = json.dumps(value, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]
