"""The score of a network on the cells of a corruption set."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from mmengine.dist import get_dist_info
from mmpretrain.models import ImageClassifier
from mmpretrain.models.heads import MultiLabelClsHead

from mmct.datasets import Cell, CleanImages, CorruptionSet
from mmct.evaluation import cell_score, make_result
from mmct.evaluation.metrics import CorruptionError
from mmct.runs.checkpoint import digest
from mmct.runs.errors import CTError
from mmct.runs.ranks import in_main_process

from .cell_images import CellBatches, cell_loader, example
from .predictor import CellPredictions, Predictor, adapt, own_statistics_afterwards, predict_cells
from .result_in_progress import ResultInProgress, Watch


@dataclass(frozen=True)
class Scoring:
    """How a network is scored, and where the result goes.

    Args:
        out (Path): The result file; a CSV file is put beside it.
        name (str): Of the run, for tables.
        metric (CorruptionError): Says what the errors are compared with.
        config (str): The config's name. Defaults to ''.
        checkpoint (str): The checkpoint's name. Defaults to ''.
        batch_size (int): Images a batch. Defaults to 128.
        num_workers (int): Processes that read ahead. Defaults to 0.
        fp16 (bool): Whether in mixed precision. Defaults to False.
        channels_last (bool, optional): See :class:`Predictor`. Defaults to None.
        recalibrate_bn (int): Batches of each cell on which BatchNorm's
            statistics are estimated anew before the cell is predicted; 0 keeps
            those of the training. Defaults to 0.
        replace (bool): Whether to replace another run's result; else it is
            refused. Defaults to False.
    """

    out: Path
    name: str
    metric: CorruptionError
    config: str = ''
    checkpoint: str = ''
    batch_size: int = 128
    num_workers: int = 0
    fp16: bool = False
    channels_last: bool | None = None
    recalibrate_bn: int = 0
    replace: bool = False


def score(
    model: ImageClassifier,
    cells: CorruptionSet,
    clean: CleanImages | None,
    settings: Scoring,
) -> dict[str, Any]:
    """Score a network on each cell, or go on where an earlier call was killed.

    Args:
        model (ImageClassifier): On its device; its mode is kept.
        cells (CorruptionSet): The corrupted images.
        clean (CleanImages, optional): The images that they were made from.
        settings (Scoring): How, and where the result goes.

    Returns:
        dict: The result, the same in each process.

    Raises:
        CTError: If the result file is another run's, the network does not fit
            the data, or an image cannot be read.
        ValueError: If what is to be normalised by is of other cells.
    """
    # Now, not after hours.
    _check_head(model, cells)
    settings.metric.summary_options(cells.metainfo['corruptions'], cells.cells)
    sources = [source for source in (clean, cells) if source is not None]
    weights = digest(model.state_dict())
    kept = None

    def begin() -> list:
        nonlocal kept
        marks = dict(
            weights_sha256=weights,
            fp16=settings.fp16,
            recalibrate_bn=settings.recalibrate_bn,
            data=cells.metainfo['corruptions'],
            cells=[tuple(cell) for source in sources for cell in source.cells],
        )
        kept = ResultInProgress(settings.out, marks, settings.replace)
        return list(kept.cells)

    done = in_main_process(begin)
    was_training = model.training
    predict = Predictor(model, settings.fp16, settings.channels_last)
    watch = Watch(sources, cells, done, kept)
    with own_statistics_afterwards(model):
        for source in sources:
            todo = [n for n, cell in enumerate(source.cells) if tuple(cell) not in done]
            batches = CellBatches(todo, source.num_images, _share(source), settings.batch_size)
            loader = watch(cell_loader(source, batches, settings.num_workers), source, batches)
            before_cell = _adaptation(predict, source, settings)
            for found in predict_cells(predict, loader, batches, before_cell):
                _check_finite(found, source.cells[found.number])
                if kept is not None:
                    kept.add(*_entries(source, found))
                # Pages of a mapped file that were touched count as memory.
                source.close()
    model.train(was_training)

    def finish() -> dict[str, Any]:
        result = _result(kept, cells, weights, settings)
        kept.finish(result)
        return result

    return in_main_process(finish)


def _adaptation(
    predict: Predictor, source: CorruptionSet | CleanImages, settings: Scoring
) -> Callable[[int], None] | None:
    """What is done before each cell, if anything."""
    if not settings.recalibrate_bn:
        return None
    return lambda cell: adapt(
        predict, source, cell, settings.recalibrate_bn, settings.batch_size
    )


def _check_head(model: ImageClassifier, cells: CorruptionSet) -> None:
    """Refuse a network that cannot be right on these labels."""
    outputs = getattr(model.head, 'num_classes', None)
    classes = cells.metainfo['corruptions']['num_classes']
    # Classes without names are counted by the labels: there may be more.
    named = 'classes' in cells.metainfo
    if outputs is not None and (classes > outputs or (named and classes != outputs)):
        raise CTError(
            f'the set has {classes} classes but the head has {outputs}: give the set that belongs '
            'to this network'
        )
    if isinstance(model.head, MultiLabelClsHead):
        raise CTError('errors need one class an image, but the head is a MultiLabelClsHead')


def _check_finite(found: CellPredictions, cell: Cell) -> None:
    unknown = len(found.confidences) - np.isfinite(found.confidences).sum()
    if unknown:
        raise CTError(
            f'the network gives no finite scores for {unknown} images ({cell}): its training may '
            'have diverged'
        )


def _share(source: CorruptionSet | CleanImages) -> range:
    """The positions in each cell that this process predicts."""
    rank, world_size = get_dist_info()
    count = source.num_images
    return range(count * rank // world_size, count * (rank + 1) // world_size)


def _entries(
    source: CorruptionSet | CleanImages, found: CellPredictions
) -> tuple[dict[str, Any], dict[str, Any] | None]:
    """The cell as a result has it, and its example: of the middle severity alone."""
    cell = source.cells[found.number]
    entry = cell_score(
        cell.corruption, cell.severity, found.tops == source.labels, found.confidences
    )
    severities = sorted({other.severity for other in source.cells})
    if cell.severity != severities[len(severities) // 2]:
        return entry, None
    picture = example(
        source.read(found.number, slice(0, 1))[0],
        source.channel_order,
        int(source.labels[0]),
        int(found.tops[0]),
        source.metainfo.get('classes'),
    )
    where = dict(corruption=cell.corruption, severity=cell.severity, image=0)
    return entry, where | picture


def _result(
    kept: ResultInProgress, cells: CorruptionSet, weights: str, settings: Scoring
) -> dict[str, Any]:
    return make_result(
        name=settings.name,
        model=dict(
            config=settings.config,
            checkpoint=settings.checkpoint,
            weights_sha256=weights,
            fp16=settings.fp16,
            recalibrate_bn=settings.recalibrate_bn,
        ),
        data=cells.metainfo['corruptions'],
        clean=kept.cells.get((None, 0)),
        cells=[kept.cells[tuple(cell)] for cell in cells.cells],
        examples=kept.examples,
        **settings.metric.summary_options(cells.metainfo['corruptions'], cells.cells),
    )
