"""Saying how far a scorecard is."""

from collections.abc import Iterable, Iterator

from mmengine.dist import get_dist_info, is_main_process
from torch import Tensor

from mmct.datasets import CleanImages, CorruptionCells

from ..errors import CTError
from ..progress import Progress
from .cell_images import CellBatches
from .result_in_progress import ResultInProgress


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
