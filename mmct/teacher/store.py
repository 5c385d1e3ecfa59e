"""The folder that keeps a trained teacher."""

import time
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from mmct.runs.errors import CTError
from mmct.runs.files import write_json, write_whole
from mmct.runs.identity import differences, in_short
from mmct.runs.weights import load_state_dict


class TeacherStore:
    """``<work_dir>/teacher``: the teacher's weights and what they came from.

    ``teacher.json`` holds the fingerprint and, once the teacher is finished,
    its accuracy and time; ``teacher.pth`` holds the weights. Beside them are
    the teacher's own log and checkpoints. A baseline is kept in the same way.

    Args:
        folder (str | Path): The folder; made when training begins.
        name (str): What it keeps, 'teacher' or 'baseline'. Defaults to 'teacher'.
    """

    def __init__(self, folder: str | Path, name: str = 'teacher') -> None:
        self.folder = Path(folder)
        self.name = name
        self.weights = self.folder / f'{name}.pth'
        self._record = self.folder / f'{name}.json'

    def read(self) -> dict[str, Any] | None:
        """Read the record; None where no teacher was begun.

        Raises:
            CTError: If the record cannot be read.
        """
        from mmct.records import check, read_record

        from .record import Begun, Finished

        try:
            record = read_record(self._record, Begun)
            if record['finished']:
                check(record, Finished)
            return record
        except FileNotFoundError:
            return None
        except ValueError as error:
            raise CTError(
                f'{self._record} is damaged ({error}): move the folder away{self._or_retrain}'
            ) from error

    def state(
        self, fingerprint: dict[str, Any], allow_other: bool = False
    ) -> tuple[str, list[str]]:
        """Tell what is there for a fingerprint.

        Args:
            fingerprint (dict): See :func:`mmct.runs.fingerprint`.
            allow_other (bool): Take a finished one also if its fingerprint is another.
                Defaults to False.

        Returns:
            tuple[str, list[str]]: 'finished' or 'unfinished' (a matching one), or 'none'; and
            what is different about one that is allowed.

        Raises:
            CTError: If a finished teacher of another fingerprint is there.
        """
        record = self.read()
        if record is None:
            return 'none', []
        differing = differences(record['fingerprint'], fingerprint)
        if not self.is_finished():
            return ('none' if differing else 'unfinished'), []
        if differing and not allow_other:
            raise CTError(
                f'the teacher in {self.folder} was trained otherwise '
                f'({in_short(differing)}): use another --work-dir, or train it anew '
                'with --retrain-teacher'
            )
        return 'finished', differing

    @property
    def _or_retrain(self) -> str:
        if self.name != 'teacher':
            return ''
        return ', or train the teacher anew with --retrain-teacher'

    def is_finished(self) -> bool:
        """Tell if there is a teacher that was trained to its end."""
        record = self.read()
        return record is not None and record['finished'] and self.weights.is_file()

    def is_unfinished(self) -> bool:
        """Tell if a teacher was begun here and not finished; False for a damaged record."""
        try:
            record = self.read()
        except CTError:
            return False
        return record is not None and not record['finished']

    def begin(self, fingerprint: dict[str, Any]) -> None:
        """Note that a teacher is being trained here.

        Args:
            fingerprint (dict): See :func:`mmct.runs.fingerprint`.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        write_json(self._record, dict(finished=False, fingerprint=fingerprint))

    def finish(self, weights: dict[str, Tensor], **results: Any) -> None:
        """Keep a trained teacher.

        Args:
            weights (dict[str, Tensor]): Its state dict.
            **results: What to keep in the record, as JSON can hold it.
        """
        # The weights first: a record that says finished has them.
        write_whole(self.weights, lambda path: torch.save(weights, path))
        record = self.read()
        write_json(self._record, {**record, **results, 'finished': True})

    def load(self) -> dict[str, Tensor]:
        """Load the weights of the finished teacher."""
        return load_state_dict(self.weights)

    def set_aside(self) -> Path | None:
        """Move the folder away, so that nothing in it is lost.

        Returns:
            Path: Where it is now; None if there was none.
        """
        if not self.folder.exists():
            return None
        name = f'{self.folder.name}_{time.strftime("%Y%m%d_%H%M%S")}'
        aside = self.folder.with_name(name)
        while aside.exists():
            aside = aside.with_name(f'{aside.name}_')
        self.folder.rename(aside)
        return aside
