"""Keep a trained teacher in a folder."""

import time
from pathlib import Path
from typing import Any

from torch import Tensor

from mmct.runs.errors import CTError
from mmct.runs.files import write_json
from mmct.runs.identity import differences, in_short
from mmct.runs.weights import load_state_dict, save


class TeacherStore:
    """The folder ``<work_dir>/teacher``, with a teacher's weights and the record of its training.

    ``teacher.json`` holds the fingerprint, which identifies model, data, schedule and seed. Once
    the teacher is finished, it also holds its accuracy and training time, and ``teacher.pth``
    holds the weights. The teacher's own log and checkpoints are in the same folder. A baseline is
    kept in the same way.

    Args:
        folder (str | Path): The folder, which is created when training begins.
        name (str): Role of the network, 'teacher' or 'baseline'. Defaults to 'teacher'.
    """

    def __init__(self, folder: str | Path, name: str = 'teacher') -> None:
        self.folder = Path(folder)
        self.name = name
        self.weights = self.folder / f'{name}.pth'
        self._record = self.folder / f'{name}.json'

    def read(self) -> dict[str, Any] | None:
        """Read the record; None if no training was begun.

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
        self,
        fingerprint: dict[str, Any],
        allow_other: bool = False,
        any_processes: bool = False,
    ) -> tuple[str, list[str]]:
        """Return whether the folder has a teacher with a given fingerprint.

        Args:
            fingerprint (dict): The expected one, see :func:`mmct.runs.identity.fingerprint`.
            allow_other (bool): Whether to accept a finished teacher with another fingerprint.
                Defaults to False.
            any_processes (bool): Whether to accept a finished teacher that another number of
                processes trained; an unfinished one always goes on. Defaults to False.

        Returns:
            tuple[str, list[str]]: 'finished' or 'unfinished' if there is such a teacher, else
            'none'; and the differences of a teacher that is accepted by ``allow_other``.

        Raises:
            CTError: If the folder has a finished teacher with another fingerprint, and
                ``allow_other`` is off.
        """
        record = self.read()
        if record is None:
            return 'none', []
        finished = self.is_finished()
        ignored = ('world_size',) if any_processes or not finished else ()
        differing = differences(record['fingerprint'], fingerprint, ignored)
        if not finished:
            return ('none' if differing else 'unfinished'), []
        if differing and not allow_other:
            raise CTError(
                f'the teacher in {self.folder} was trained otherwise ({in_short(differing)}): use '
                f'another --work-dir, keep it with --teacher {self.weights}, or train it anew '
                'with --retrain-teacher'
            )
        return 'finished', differing

    @property
    def _or_retrain(self) -> str:
        if self.name != 'teacher':
            return ''
        return ', or train the teacher anew with --retrain-teacher'

    def is_finished(self) -> bool:
        """Return whether the folder has a teacher that was trained to its end."""
        record = self.read()
        return record is not None and record['finished'] and self.weights.is_file()

    def is_unfinished(self) -> bool:
        """Return whether a training was begun but not finished; False for a damaged record."""
        try:
            record = self.read()
        except CTError:
            return False
        return record is not None and not record['finished']

    def is_trained(self, fingerprint: dict[str, Any]) -> bool:
        """Return whether the folder has a finished teacher with a given fingerprint."""
        try:
            return self.state(fingerprint)[0] == 'finished'
        except CTError:
            return False

    def begin(self, fingerprint: dict[str, Any]) -> None:
        """Record that a teacher is being trained in the folder.

        Args:
            fingerprint (dict): Its fingerprint, see :func:`mmct.runs.identity.fingerprint`.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        write_json(self._record, dict(finished=False, fingerprint=fingerprint))

    def finish(self, weights: dict[str, Tensor], **results: Any) -> None:
        """Store a trained teacher.

        Args:
            weights (dict[str, Tensor]): The teacher's state dict.
            **results: Values to add to the record; they must fit JSON.
        """
        # Write the weights first, so that a finished record always has them.
        save(self.weights, weights)
        self.update(**results, finished=True)

    def update(self, **results: Any) -> None:
        """Replace values in the record of a teacher.

        Args:
            **results: Values that must fit JSON.
        """
        write_json(self._record, {**self.read(), **results})

    def load(self) -> dict[str, Tensor]:
        """Load the weights of the finished teacher."""
        return load_state_dict(self.weights)

    def set_aside(self) -> Path | None:
        """Rename the folder to keep its content.

        Returns:
            Path: The new folder; None if there was none.
        """
        if not self.folder.exists():
            return None
        name = f'{self.folder.name}_{time.strftime("%Y%m%d_%H%M%S")}'
        aside = self.folder.with_name(name)
        while aside.exists():
            aside = aside.with_name(f'{aside.name}_')
        self.folder.rename(aside)
        return aside
