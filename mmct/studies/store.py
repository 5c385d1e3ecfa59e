"""Read and write the folder of a study: its plan, results, and the progress of each run."""

import json
import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, model_validator

from mmct.corruptions.names import REVISIONS
from mmct.records import Record, check, read_record
from mmct.runs.errors import CTError
from mmct.runs.files import temporary_name, write_json
from mmct.version import __version__

from .cell import Cell
from .config import Column, Files, Tables

SCHEMA, SCHEMA_VERSION = 'mmct-study', 2
# The stage of a run that its scores follow.
TRAINING_STAGE = 'training'
# Minimum seconds between updates of a run's status.
_STATUS_EVERY = 2.0


class _Head(Record):
    schema_: Annotated[str, Field(alias='schema')]
    schema_version: int


class _Arm(Record):
    group: str
    variant: str
    baselines: list[str]
    points: list[dict] | None
    chosen: Annotated[int, Field(ge=0)] | None


class _Entry(Record):
    # The key is part of a file name.
    key: Annotated[str, Field(pattern=r'^\w+$')]
    role: str
    arm: str
    seed: int
    # Missing in studies of earlier versions.
    scores: dict[str, str] = {}
    images: str | None = None
    given: dict[str, dict[str, str | int]] = {}


class _Plan(Record):
    """The keys of ``study.json`` that tables and figures need."""

    seeds: list[int]
    arms: dict[str, _Arm]
    cells: list[_Entry]
    table: dict[str, Column]
    figures: Files
    # Missing in studies of earlier versions.
    tables: Tables = {}
    data: dict[str, dict] = {}
    revisions: dict[str, int] = {}

    @model_validator(mode='after')
    def _check_arms(self) -> '_Plan':
        named = {cell.arm for cell in self.cells}
        for name, arm in self.arms.items():
            named.update(arm.baselines)
            if arm.chosen is not None and arm.chosen >= len(arm.points or ()):
                raise ValueError(f'arm {name!r} has no point {arm.chosen}')
        if not named <= self.arms.keys():
            raise ValueError(f'there is no arm {min(named - self.arms.keys())!r}')
        return self


class _Score(Record):
    settings: str
    value: Any
    images: str | None = None
    given: dict[str, str | int] = {}


class _Result(Record):
    title: str
    diverged: str | None
    scores: dict[str, _Score]


class StudyStore:
    """The folder of a study, with ``study.json``, ``runs/<key>`` and ``results/<key>.json``.

    The folder of a run has its config, log, checkpoints and weights; its result is
    a small file. Tables and figures need only ``study.json`` and the results.

    Args:
        folder (str | Path): The folder, which is created on the first write.
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)
        self._plan = self.folder / 'study.json'
        self._read: dict[str, dict] = {}

    def run(self, key: str) -> Path:
        """Return the folder of a run."""
        return self.folder / 'runs' / key

    def weights(self, key: str) -> Path:
        """Return the file with the weights of a run that was trained to its end."""
        return self.run(key) / 'weights.pth'

    def has_weights(self, key: str) -> bool:
        """Check that the weights of a run exist, unless it diverged and has none."""
        result = self.result(key)
        diverged = result is not None and result['diverged'] is not None
        return diverged or self.weights(key).is_file()

    def plan(self) -> dict[str, Any] | None:
        """Read the plan of the study's last start, or None if it was never started.

        Raises:
            CTError: If the file is damaged, or of another version.
        """
        return _read(self._plan, _Plan)

    def keep_plan(self, plan: Mapping[str, Any]) -> None:
        """Save the plan of the study.

        Args:
            plan (Mapping): The plan, which JSON can hold.
        """
        known = {'schema': SCHEMA, 'schema_version': SCHEMA_VERSION, **plan}
        # Write only changes, as each start and each result calls this.
        if self.plan() != json.loads(json.dumps(known)):
            write_json(self._plan, known)

    def result(self, key: str) -> dict[str, Any] | None:
        """Read the result of a cell, or None if it has none yet.

        Raises:
            CTError: If the file is damaged, or of another version.
        """
        if key not in self._read:
            found = _read(self.folder / 'results' / f'{key}.json', _Result)
            if found is None:
                return None
            self._read[key] = found
        return self._read[key]

    def keep_result(self, key: str, result: Mapping[str, Any]) -> None:
        """Save the result of a cell.

        Args:
            key (str): Key of the cell.
            result (Mapping): The result, which JSON can hold.
        """
        marks = dict(schema=SCHEMA, schema_version=SCHEMA_VERSION, mmct_version=__version__)
        write_json(self.folder / 'results' / f'{key}.json', {**marks, **result})
        self._read.pop(key, None)

    def is_finished(self, cell: Cell) -> bool:
        """Check whether a cell is trained and has all of its scores.

        The result is read again, as other processes may have written it.
        """
        self._read.pop(cell.key, None)
        result = self.result(cell.key)
        return result is not None and is_complete(result, cell)

    def status(self, key: str) -> tuple[str, float]:
        """Read the progress of a running cell.

        Args:
            key (str): Key of the cell.

        Returns:
            tuple[str, float]: The stage and its completed fraction; 'starting' and 0 at first.
        """
        try:
            found = json.loads((self.run(key) / 'status.json').read_text(encoding='utf-8'))
            return str(found['stage']), float(found['done'])
        except (OSError, ValueError, KeyError, TypeError):
            return 'starting', 0.0

    def trained_part(self, key: str) -> float:
        """Return the completed fraction of the training of a running cell, 1 while it is scored.

        Args:
            key (str): Key of the cell.
        """
        stage, done = self.status(key)
        return done if stage in ('starting', TRAINING_STAGE) else 1.0


class Status:
    """The file ``status.json`` in the folder of a run, which shows its progress to others.

    Args:
        folder (Path): The folder of the run.
    """

    def __init__(self, folder: Path) -> None:
        self._file = folder / 'status.json'
        self._written = 0.0

    def say(self, stage: str, done: float) -> None:
        """Save the progress of the run, at most every two seconds.

        Args:
            stage (str): The current stage.
            done (float): Completed fraction of the stage, from 0 to 1.
        """
        now = time.monotonic()
        if now - self._written < _STATUS_EVERY:
            return
        self._written = now
        # Not synchronised to the disk like results, as the status has no lasting value.
        temporary = temporary_name(self._file)
        temporary.write_text(json.dumps(dict(stage=stage, done=done)), encoding='utf-8')
        os.replace(temporary, self._file)


def is_complete(result: Mapping[str, Any], cell: Cell) -> bool:
    """Check whether a result has all scores; a diverged run needs none.

    Args:
        result (Mapping): The result of the cell.
        cell (Cell): The cell.
    """
    return result['diverged'] is not None or not missing_scores(result, cell)


def missing_scores(result: Mapping[str, Any], cell: Cell) -> list[str]:
    """List the scores that a result lacks, or has with other settings or for other images.

    Args:
        result (Mapping): The result of the cell.
        cell (Cell): The cell.

    Returns:
        list[str]: Names of the missing scores.
    """
    kept = result['scores']
    return [
        name
        for name, mark in cell.marks.items()
        if name not in kept
        or not is_of(kept[name], mark, cell.images, {**REVISIONS, **cell.given[name]})
    ]


def is_of(
    score: Mapping[str, Any], mark: str | None, images: str | None, given: Mapping[str, Any]
) -> bool:
    """Check whether a kept score has given settings and images.

    Args:
        score (Mapping): The score, as in the result of a cell.
        mark (str, optional): The hash of the settings, see :attr:`Cell.marks`; None if unknown.
        images (str, optional): The hash of the images, see :attr:`Cell.images`; None if unknown,
            as that of the scores of earlier versions.
        given (Mapping): See :attr:`Cell.given`, and the revisions of generated corruptions. What
            the score does not name, it does not depend on, or an earlier version measured it.
    """
    pairs = [(score['settings'], mark), (score.get('images'), images)]
    pairs += [(value, given.get(key)) for key, value in score.get('given', {}).items()]
    return all(None in pair or pair[0] == pair[1] for pair in pairs)


def _read(path: Path, kind: type[Record]) -> dict[str, Any] | None:
    """Read a file of this version, or return None if it does not exist."""
    try:
        found = read_record(path, _Head)
        version = found['schema'], found['schema_version']
        if version == (SCHEMA, SCHEMA_VERSION):
            check(found, kind)
            return found
    except FileNotFoundError:
        return None
    except ValueError as error:
        text = f'{path} is damaged ({error}): move it away, and it will be made again'
        raise CTError(text) from error
    raise CTError(
        f'{path} is from another version of mmct ({version[0]} {version[1]}, but this one has '
        f'{SCHEMA} {SCHEMA_VERSION}): use another --work-dir'
    )
