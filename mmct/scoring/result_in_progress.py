"""Write a result file cell by cell."""

import json
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from filelock import FileLock

from mmct.evaluation import make_result, read_result
from mmct.evaluation.result_file import check_cells
from mmct.evaluation.same_images import first_difference, joined
from mmct.report import CELL_COLUMNS, cells_to_csv
from mmct.runs.errors import CTError
from mmct.runs.files import lock_file, write_json, write_text
from mmct.runs.ranks import is_main_rank, on_main_rank


class ResultInProgress:
    """A result file that grows cell by cell and is saved after each.

    Each process has the scores, but only the main process writes.

    Args:
        out (Path): The result file; until it is complete, the scores are in
            ``<out>.partial``.
        marks (dict): The values that must be the same to continue a file:
            ``weights_sha256``, ``behaviour_sha256``, ``top_probabilities``, ``fp16``,
            ``recalibrate_bn``, ``bn_batch_size`` and ``data``. Files of earlier versions lack some.
        asked (Sequence[tuple]): The cells that the file must have at the end, as
            corruption and severity, or None and 0 for clean images. Defaults to none.
        replace (bool): Whether to replace the file of another run, or with other cells, of which
            only those asked for are kept. Defaults to False.

    Attributes:
        marks (dict): The values above; ``data`` has the corruptions of the file too.
        cells (dict): Scores of cells, as in a result file, by corruption and severity.
        examples (list): Pictures, as in a result file.
        name (str, optional): Name of the run in the file, if it was finished once.

    Raises:
        CTError: If another process writes the file, it belongs to another run, or its
            cells and the requested ones have different severities for different
            corruptions.
    """

    def __init__(
        self,
        out: Path,
        marks: dict[str, Any],
        asked: Sequence[tuple[str | None, int]] = (),
        replace: bool = False,
    ) -> None:
        self.out, self.partial = out, out.with_name(f'{out.name}.partial')
        # In the form in which a file returns them.
        self.marks = json.loads(json.dumps(marks))
        self._asked = {tuple(cell) for cell in asked}
        self._lock: FileLock | None = None
        try:
            found = on_main_rank(partial(self._open, replace))
        except BaseException:
            self.close()
            raise
        cells, self.examples, self.marks['data'], self.name = found
        self.cells = {(cell['corruption'], cell['severity']): cell for cell in cells}

    def close(self) -> None:
        """Release the lock on the file; call this after errors, too, as they keep the object."""
        if self._lock is not None:
            self._lock.release()

    def _open(self, replace: bool) -> tuple[list[dict], list[dict], dict, str | None]:
        """Lock the file, and read its cells, examples, description of the data and name."""
        self._lock = lock_file(self.out, 'choose another --out')
        for file, read in ((self.partial, _read_partial), (self.out, _read_finished)):
            if not file.exists():
                continue
            try:
                marks, cells, examples, name = read(file)
            except ValueError as error:
                if replace:
                    continue
                raise CTError(
                    f'{file} is not a result that can be continued ({error}): remove it, or choose '
                    'another --out'
                ) from error
            changed = [key for key in self.marks if not _are_same(key, marks, self.marks)]
            if 'weights_sha256' in changed:
                # Other weights behave otherwise.
                changed = [key for key in changed if key not in _BEHAVIOUR]
            if changed and not replace:
                what = ' and '.join(dict.fromkeys(_DIFFERENCES[key] for key in changed))
                raise CTError(f'{file} is a result for {what}: choose another --out, or remove it')
            if not cells or changed:
                continue
            if replace:
                # The result is that of the cells asked for: a mean over others is another number.
                return *map(self._of_asked, (cells, examples)), self.marks['data'], name
            if _makes_a_table({(c['corruption'], c['severity']) for c in cells} | self._asked):
                return cells, examples, joined(self.marks['data'], marks['data']), name
            raise CTError(
                f'{file} has other corruptions or severities, and together with the requested '
                'ones, not all corruptions would have the same severities: request all '
                'corruptions or all severities, choose another --out, or remove it'
            )
        table = self.out.with_suffix('.csv')
        if not replace and table.exists() and not _is_table(table):
            raise CTError(
                f'{table} exists, where the table of {self.out} will be written: choose another '
                '--out, or remove it'
            )
        return [], [], self.marks['data'], None

    def _of_asked(self, entries: list[dict]) -> list[dict]:
        return [each for each in entries if (each['corruption'], each['severity']) in self._asked]

    def add(self, cell: dict[str, Any], examples: Sequence[dict[str, Any]] = ()) -> None:
        """Add and save a cell.

        Args:
            cell (dict): Score of the cell, as in a result file.
            examples (Sequence[dict]): Pictures from the cell, as in a result file.
                Defaults to none.
        """
        self.cells[cell['corruption'], cell['severity']] = cell
        self.examples += examples
        if is_main_rank():
            cells = list(self.cells.values())
            found = dict(marks=self.marks, cells=cells, examples=self.examples, name=self.name)
            write_json(self.partial, found)

    def drop(self, cell: tuple[str | None, int]) -> None:
        """Forget a cell and its pictures.

        Args:
            cell (tuple): Its corruption and severity.
        """
        del self.cells[cell]
        place = dict(zip(('corruption', 'severity'), cell, strict=True))
        self.examples = [each for each in self.examples if not place.items() <= each.items()]

    def finish(self, **settings: Any) -> dict[str, Any]:
        """Write the complete result, with a CSV file beside it; call in the main process only.

        Args:
            **settings (Any): The other arguments of :func:`mmct.evaluation.make_result`.

        Returns:
            dict: The content of the result file.
        """
        data, cells = self.marks['data'], dict(self.cells)
        clean = cells.pop((None, 0), None)
        names = [name for names in data['categories'].values() for name in names]
        ordered = sorted(cells, key=lambda cell: (names.index(cell[0]), cell[1]))
        scores = [cells[cell] for cell in ordered]
        result = make_result(
            data=data, clean=clean, cells=scores, examples=self.examples, **settings
        )
        write_text(self.out.with_suffix('.csv'), cells_to_csv([result]))
        write_json(self.out, result)
        self.partial.unlink(missing_ok=True)
        return result


_BEHAVIOUR = ('behaviour_sha256', 'top_probabilities')
_DIFFERENCES = dict(
    weights_sha256='other weights',
    **dict.fromkeys(_BEHAVIOUR, 'another preprocessing or network, or other classes'),
    fp16='another precision',
    recalibrate_bn='other BN statistics',
    bn_batch_size='BN statistics of batches of another size',
    data='other data',
)


def _is_table(file: Path) -> bool:
    """Check whether a file is the table of a result, which may have been moved away."""
    # An earlier version may have had other columns at the end.
    head = ','.join(CELL_COLUMNS[:3]).encode()
    with file.open('rb') as opened:
        return opened.read(len(head)) == head


def _are_same(key: str, one: dict[str, Any], other: dict[str, Any]) -> bool:
    """Compare a mark; one that an earlier version did not write counts as equal."""
    if key == 'data':
        return first_difference(one[key], other[key]) is None
    if key in (*_BEHAVIOUR, 'bn_batch_size') and None in (one.get(key), other.get(key)):
        return True
    if key == 'top_probabilities':
        # Processors round differently.
        return len(one[key]) == len(other[key]) and np.allclose(one[key], other[key], atol=0.02)
    return one.get(key, 0) == other.get(key, 0)


def _makes_a_table(cells: set[tuple[str | None, int]]) -> bool:
    """Check that all corruptions have the same severities."""
    table: dict[str, set[int]] = {}
    for corruption, severity in cells:
        if corruption is not None:
            table.setdefault(corruption, set()).add(severity)
    return len({frozenset(severities) for severities in table.values()}) <= 1


def _read_partial(file: Path) -> tuple[dict, list, list, str | None]:
    """Read marks, cells, examples and the name of the finished result that is extended."""
    from mmct.evaluation.result_shape import UnfinishedResult
    from mmct.records import read_record

    found = read_record(file, UnfinishedResult)
    check_cells(found['cells'], found['marks']['data'].get('images'))
    return found['marks'], found['cells'], found['examples'], found.get('name')


def _read_finished(file: Path) -> tuple[dict, list, list, str]:
    result = read_result(file)
    cells = [*([result['clean']] if result['clean'] else []), *result['cells']]
    marks = dict(
        weights_sha256=result['model']['weights_sha256'],
        fp16=result['model']['fp16'],
        recalibrate_bn=result['model'].get('recalibrate_bn', 0),
        **{key: result['model'].get(key) for key in _BEHAVIOUR},
        bn_batch_size=result['model'].get('bn_batch_size'),
        data=result['data'],
    )
    return marks, cells, result['examples'], result['name']
