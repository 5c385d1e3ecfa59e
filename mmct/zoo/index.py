"""Read the index of the model zoo, with its networks and their scores."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mmct.messages import suggestion
from mmct.runs.errors import CTError

INDEX = Path(__file__).with_name('index.json')
"""The file that ``benchmarks/make_zoo.py`` writes."""


@dataclass(frozen=True)
class ZooFile:
    """A published file.

    Attributes:
        name (str): File name. Its stem ends in the first 8 digits of the SHA-256.
        sha256 (str): SHA-256 digest in hexadecimal.
        bytes (int): Size in bytes.
    """

    name: str
    sha256: str
    bytes: int


@dataclass(frozen=True)
class Entry:
    """A trained network.

    Attributes:
        name (str): The name that :func:`mmct.load` takes.
        config (str): File name of its config in mmct, with ``.py``.
        data (str): The data set that it was trained on.
        study (str): The study that trained it.
        arm (str): The arm of that study.
        seed (int): Seed of the training.
        cell (str): The run in that study.
        trained_by (str): The command that trained it.
        scored_by (str): The command that scored it.
        parameters (int): Number of learned parameters.
        metrics (Mapping[str, Any]): The part of the scorecard's summary that tables show, in %.
        weights (ZooFile): A checkpoint with a ``state_dict`` of float32 and no training state.
        scorecard (ZooFile): A result file of ``mmct test --corruptions``.
    """

    name: str
    config: str
    data: str
    study: str
    arm: str
    seed: int
    cell: str
    trained_by: str
    scored_by: str
    parameters: int
    metrics: Mapping[str, Any]
    weights: ZooFile
    scorecard: ZooFile


def read_index() -> dict[str, Entry]:
    """Read the index in the package.

    Returns:
        dict[str, Entry]: The networks by name.
    """
    content = json.loads(INDEX.read_text(encoding='utf-8'))
    return {name: _entry(name, **each) for name, each in content.items()}


def find(name: str) -> Entry:
    """Look up a network.

    Args:
        name (str): Name of a network, such as 'ct_resnet18w8_digits'.

    Returns:
        Entry: The network's entry in the index.

    Raises:
        CTError: If there is no such network; the message suggests the nearest name.
    """
    if name not in ZOO:
        hint = suggestion(name, ZOO, 'mmct zoo lists all')
        raise CTError(f'the model zoo has no network {name!r}: {hint}')
    return ZOO[name]


def _entry(name: str, weights: Mapping, scorecard: Mapping, **rest: Any) -> Entry:
    return Entry(name, weights=ZooFile(**weights), scorecard=ZooFile(**scorecard), **rest)


ZOO = read_index()
"""All networks by name."""
