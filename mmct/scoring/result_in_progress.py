"""A result file that grows cell by cell."""

import json
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

from filelock import FileLock

from mmct.evaluation import read_result
from mmct.evaluation.result_file import check_cells
from mmct.evaluation.same_images import first_difference
from mmct.report import cells_to_csv
from mmct.runs.errors import CTError
from mmct.runs.files import lock_file, write_json, write_text
from mmct.runs.ranks import is_main_rank, on_main_rank


class ResultInProgress:
    """Keep the scores of cells, on disk after each; each process has them, the main one writes.

    Args:
        out (Path): The result file. Until it is complete there is
            ``<out>.partial`` in its place.
        marks (dict): What has to be the same for a file to be gone on with:
            ``weights_sha256``, ``behaviour_sha256``, ``fp16``, ``recalibrate_bn`` and
            ``data``. Files of earlier versions lack some.
        asked (Sequence[tuple]): The cells that the file is to have at least: corruption
            and severity, None and 0 for clean images.
        replace (bool): Whether to drop another run's file. Defaults to False.

    Attributes:
        cells (dict): As in a result file, by corruption and severity.
        examples (list): As in a result file.

    Raises:
        CTError: If another process writes it, it is another run's, or its cells and those
            that are asked for make no table of corruptions by severities.
    """

    def __init__(
        self,
        out: Path,
        marks: dict[str, Any],
        asked: Sequence[tuple[str | None, int]] = (),
        replace: bool = False,
    ) -> None:
        self.out, self.partial = out, out.with_name(f'{out.name}.partial')
        # As it comes back from a file.
        self.marks = json.loads(json.dumps(marks))
        self._asked = {tuple(cell) for cell in asked}
        self._lock: FileLock | None = None
        try:
            cells, self.examples = on_main_rank(partial(self._open, replace))
        except BaseException:
            self.close()
            raise
        self.cells = {(cell['corruption'], cell['severity']): cell for cell in cells}

    def close(self) -> None:
        """Let others write the file; to be called in any case, as an error keeps this object."""
        if self._lock is not None:
            self._lock.release()

    def _open(self, replace: bool) -> tuple[list[dict], list[dict]]:
        """Lock the file, and read the cells and examples that it has."""
        self._lock = lock_file(self.out, 'choose another --out')
        for file, read in ((self.partial, _read_partial), (self.out, _read_finished)):
            if not file.exists():
                continue
            try:
                marks, cells, examples = read(file)
            except ValueError as error:
                if replace:
                    continue
                raise CTError(
                    f'{file} is no result to go on with ({error}): remove it, or choose another '
                    '--out'
                ) from error
            changed = [key for key in self.marks if not _are_same(key, marks, self.marks)]
            if changed and not replace:
                what = ' and '.join(_DIFFERENCES[key] for key in changed)
                raise CTError(f'{file} is the result of {what}: choose another --out, or remove it')
            if not cells or changed:
                continue
            if _makes_a_table({(c['corruption'], c['severity']) for c in cells} | self._asked):
                return cells, examples
            if not replace:
                raise CTError(
                    f'{file} has other corruptions or severities, which make no table with those '
                    'that are asked for: ask for all of either, choose another --out, or remove it'
                )
        return [], []

    def add(self, cell: dict[str, Any], examples: Sequence[dict[str, Any]] = ()) -> None:
        """Keep a cell.

        Args:
            cell (dict): As in a result file.
            examples (Sequence[dict]): Some of its images, as in a result file.
                Defaults to none.
        """
        self.cells[cell['corruption'], cell['severity']] = cell
        self.examples += examples
        if is_main_rank():
            cells = list(self.cells.values())
            write_json(self.partial, dict(marks=self.marks, cells=cells, examples=self.examples))

    def finish(self, result: dict[str, Any]) -> None:
        """Put the complete result into its place, with a CSV file beside it; main process only.

        Args:
            result (dict): As in a result file.
        """
        write_text(self.out.with_suffix('.csv'), cells_to_csv([result]))
        write_json(self.out, result)
        self.partial.unlink(missing_ok=True)


_DIFFERENCES = dict(
    weights_sha256='other weights',
    behaviour_sha256='another preprocessing or network, or other classes',
    fp16='another precision',
    recalibrate_bn='other BN statistics',
    data='other data',
)


def _are_same(key: str, one: dict[str, Any], other: dict[str, Any]) -> bool:
    """Compare a mark; what an earlier version did not write is not known to differ."""
    if key == 'data':
        return first_difference(one[key], other[key]) is None
    if key == 'behaviour_sha256' and None in (one.get(key), other.get(key)):
        return True
    return one.get(key, 0) == other.get(key, 0)


def _makes_a_table(cells: set[tuple[str | None, int]]) -> bool:
    """Tell if each corruption has the same severities."""
    table: dict[str, set[int]] = {}
    for corruption, severity in cells:
        if corruption is not None:
            table.setdefault(corruption, set()).add(severity)
    return len({frozenset(severities) for severities in table.values()}) <= 1


def _read_partial(file: Path) -> tuple[dict, list, list]:
    """Read marks, cells and examples."""
    from mmct.evaluation.result_shape import UnfinishedResult
    from mmct.records import read_record

    found = read_record(file, UnfinishedResult)
    check_cells(found['cells'], found['marks']['data'].get('images'))
    return found['marks'], found['cells'], found['examples']


def _read_finished(file: Path) -> tuple[dict, list, list]:
    result = read_result(file)
    cells = [*([result['clean']] if result['clean'] else []), *result['cells']]
    marks = dict(
        weights_sha256=result['model']['weights_sha256'],
        fp16=result['model']['fp16'],
        recalibrate_bn=result['model'].get('recalibrate_bn', 0),
        behaviour_sha256=result['model'].get('behaviour_sha256'),
        data=result['data'],
    )
    return marks, cells, result['examples']
