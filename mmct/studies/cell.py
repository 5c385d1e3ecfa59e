"""Define a cell, one run of a study, and its outcome."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from mmengine.config import Config

from mmct.corruptions import identities
from mmct.messages import without_address
from mmct.runs.identity import texts

TRAINING, TEACHER, TUNING = 'training', 'teacher', 'tuning'
"""Roles of cells: a training of an arm, a shared teacher, or a trial of settings."""

# Settings of a data set that do not change its images.
_READING = ('backend_args', 'download', 'file_client_args', 'lazy_init', 'serialize_data')

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
        content (dict): Hashes of the content of the validation and test images, as far as known.
    """

    key: str
    role: str
    arm: str
    seed: int
    config: Config
    scores: dict[str, dict]
    needs: tuple[str, ...] = ()
    point: int | None = None
    content: Mapping[str, str] = field(default_factory=dict)

    @property
    def title(self) -> str:
        """Return the name of the cell in messages."""
        what = {TRAINING: '', TEACHER: ', teacher', TUNING: f', trial {self.point}'}[self.role]
        return f'{self.arm}{what}, seed {self.seed}'

    @cached_property
    def marks(self) -> dict[str, str]:
        """Return a hash of the settings of each score by name."""
        return {name: settings_mark(settings) for name, settings in self.scores.items()}

    @cached_property
    def given(self) -> dict[str, dict[str, Any]]:
        """Return, by score, what it depends on beside its settings and those of its images."""
        return {
            name: {**self.content, **_batch_size(self.config, settings)}
            for name, settings in self.scores.items()
        }

    @cached_property
    def images(self) -> str:
        """Return a hash of the settings of the validation and test set, which scores read."""
        loaders = (self.config.get(f'{split}_dataloader') or {} for split in ('val', 'test'))
        return hashed([_read_anyhow(loader.get('dataset')) for loader in loaders])


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


def _batch_size(config: Config, settings: Mapping[str, Any]) -> dict[str, int]:
    """Return the batch size on which a score estimates BatchNorm's statistics, if it does."""
    loader = config.get(f'{settings.get("split", "test")}_dataloader') or {}
    known = settings.get('recalibrate_bn') and 'batch_size' in loader
    return dict(batch_size=loader['batch_size']) if known else {}


def _read_anyhow(value: Any) -> Any:
    """Leave out how images are read."""
    if isinstance(value, Mapping):
        return {key: _read_anyhow(item) for key, item in value.items() if key not in _READING}
    return [_read_anyhow(item) for item in value] if isinstance(value, (list, tuple)) else value


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
    text = json.dumps(value, sort_keys=True, default=lambda each: without_address(str(each)))
    return hashlib.sha256(text.encode()).hexdigest()[:16]
