"""A result file that grows cell by cell."""

import json
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from mmengine.dist import get_dist_info, is_main_process
from torch import Tensor

from mmct.datasets import CleanImages, CorruptionCells
from mmct.evaluation import read_result
from mmct.report import cells_to_csv
from mmct.runs.errors import CTError
from mmct.runs.files import lock_file, write_json, write_text
from mmct.runs.progress import Progress

from .cell_images import CellBatches

Key = tuple[str | None, int]


class ResultInProgress:
    """What is known of a model's score on some cells, kept on disk at each cell.

    Args:
        out (Path): The result file. Until it is complete there is
            ``<out>.partial`` in its place.
        marks (dict): What has to be the same for a file to be gone on with:
            ``weights_sha256``, ``fp16``, ``recalibrate_bn``, ``data`` and
            ``cells``.
        replace (bool): Whether to drop another run's file. Defaults to False.

    Raises:
        CTError: If another process writes it, or it is another run's.
    """

    def __init__(self, out: Path, marks: dict[str, Any], replace: bool = False) -> None:
        self.out, self.partial = out, out.with_name(f'{out.name}.partial')
        self._lock = lock_file(out, 'choose another --out')
        # As it comes back from a file.
        self._marks = json.loads(json.dumps(marks))
        self.cells: dict[Key, dict] = {}
        self.examples: list[dict] = []
        for file, read in ((self.partial, _read_partial), (self.out, _read_finished)):
            if file.exists() and not self.cells:
                self._go_on_with(file, read, replace)

    def _go_on_with(
        self, file: Path, read: Callable[[Path], dict[str, Any]], replace: bool
    ) -> None:
        try:
            found = read(file)
        except (ValueError, KeyError, TypeError) as error:
            if replace:
                return
            raise CTError(f'{file} is no result to go on with ({error}): remove it, or '
                          'choose another --out') from error
        changed = [key for key in self._marks if found['marks'].get(key, 0) != self._marks[key]]
        if not changed:
            self.cells = {(cell['corruption'], cell['severity']): cell for cell in found['cells']}
            self.examples = found['examples']
        elif not replace:
            what = ' and '.join(_SAID[key] for key in changed)
            raise CTError(f'{file} is the result of {what}: choose another --out, or remove it')

    def add(self, cell: dict[str, Any], example: dict[str, Any] | None = None) -> None:
        """Keep a cell.

        Args:
            cell (dict): As in a result file.
            example (dict, optional): One of its images, as in a result file.
                Defaults to None.
        """
        self.cells[cell['corruption'], cell['severity']] = cell
        self.examples += [example] if example else []
        content = dict(
            marks=self._marks, cells=list(self.cells.values()), examples=self.examples
        )
        write_json(self.partial, content)

    def finish(self, result: dict[str, Any]) -> None:
        """Put the complete result into its place, with a CSV file beside it.

        Args:
            result (dict): As in a result file.
        """
        write_text(self.out.with_suffix('.csv'), cells_to_csv([result]))
        write_json(self.out, result)
        self.partial.unlink(missing_ok=True)
        self._lock.release()


_SAID = dict(
    weights_sha256='other weights',
    fp16='another precision',
    recalibrate_bn='other BN statistics',
    data='other data',
    cells='other corruptions or severities',
)


def _read_partial(file: Path) -> dict[str, Any]:
    found = json.loads(file.read_text(encoding='utf-8'))
    return dict(marks=found['marks'], cells=found['cells'], examples=found['examples'])


def _read_finished(file: Path) -> dict[str, Any]:
    result = read_result(file)
    cells = [*([result['clean']] if result['clean'] else []), *result['cells']]
    marks = dict(
        weights_sha256=result['model']['weights_sha256'],
        fp16=result['model']['fp16'],
        recalibrate_bn=result['model'].get('recalibrate_bn', 0),
        data=result['data'],
        cells=[[cell['corruption'], cell['severity']] for cell in cells],
    )
    return dict(marks=marks, cells=cells, examples=result['examples'])


class Watch:
    """Prints how far it is, and the mean error so far, in the main process.

    Args:
        sources (list): What is scored.
        cells (CorruptionCells): The corrupted part of it.
        done (list): The cells that an earlier call scored.
        kept (ResultInProgress, optional): None in other processes.
    """

    def __init__(
        self,
        sources: list[CorruptionCells | CleanImages],
        cells: CorruptionCells,
        done: list,
        kept: ResultInProgress | None,
    ) -> None:
        self._kept = kept
        self._extra = cells.metainfo['corruptions']['categories'].get('extra', ())
        self._progress = Progress(sum(len(s.cells) * s.num_images for s in sources))
        for source in sources:
            known = sum(tuple(cell) in done for cell in source.cells)
            self._progress.add('earlier', known * source.num_images, made=False)

    def __call__(
        self,
        loader: Iterable[Tensor | CTError],
        source: CorruptionCells | CleanImages,
        batches: CellBatches,
    ) -> Iterator[Tensor]:
        """Hand on the batches of a source.

        Args:
            loader (Iterable): Gives them.
            source (CorruptionCells | CleanImages): Where they are from.
            batches (CellBatches): Which they are.

        Yields:
            Tensor: Each batch.

        Raises:
            CTError: If one could not be read.
        """
        world_size = get_dist_info()[1]
        for number, images in enumerate(loader):
            if isinstance(images, CTError):
                raise images
            # Before it is predicted: nobody asks for more after the last one.
            if is_main_process():
                cell = source.cells[batches.numbers[number // batches.per_cell]]
                what = f'{cell.corruption} {cell.severity}' if cell.corruption else 'clean images'
                # The others are about as far.
                self._progress.add(f'{what}{self._so_far()}', len(images) * world_size)
            yield images

    def _so_far(self) -> str:
        errors = [
            cell['error_pct']
            for (corruption, _), cell in self._kept.cells.items()
            if corruption is not None and corruption not in self._extra
        ]
        return f', raw mCE so far {sum(errors) / len(errors):.2f} %' if errors else ''
