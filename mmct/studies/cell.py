"""One run of a study."""

import hashlib
import json
from dataclasses import dataclass
from typing import Any

from mmengine.config import Config

TRAINING, TEACHER, TUNING = 'training', 'teacher', 'tuning'
"""What a cell is for: an arm's own, a shared teacher's, a trial of settings."""


@dataclass(frozen=True)
class Cell:
    """A network that is trained once, and scored.

    Attributes:
        key (str): The hash of all that determines its weights.
        role (str): TRAINING, TEACHER or TUNING.
        arm (str): The arm that it belongs to.
        seed (int): Of its training.
        config (Config): The whole training config, without a work dir.
        scores (dict): Settings of each score, by name.
        needs (tuple[str]): Keys of the cells that come before it.
        point (int, optional): Which trial it is.
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
        """What messages call it."""
        what = {TRAINING: '', TEACHER: ', teacher', TUNING: f', trial {self.point}'}[self.role]
        return f'{self.arm}{what}, seed {self.seed}'


def hashed(value: Any) -> str:
    """A name for a value: the same for equal ones.

    Args:
        value: Anything that JSON can hold.

    Returns:
        str: 16 hexadecimal digits.
    """
    text = json.dumps(value, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]
