"""The scorecard of a network: its errors on each cell of a corruption set."""

from collections.abc import Iterable, Iterator
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from mmengine.dist import get_dist_info, is_main_process
from mmpretrain.models import ImageClassifier
from mmpretrain.models.heads import MultiLabelClsHead
from torch import Tensor

from mmct.datasets import CLEAN, CleanImages, CorruptionSet
from mmct.evaluation import cell_score, make_result
from mmct.evaluation.metrics import CorruptionError
from mmct.models import evaluating
from mmct.runs.checkpoint import digest
from mmct.runs.divergence import no_scores
from mmct.runs.errors import CTError
from mmct.runs.progress import Progress
from mmct.runs.ranks import on_main_rank

from .cell_images import CellBatches, cell_loader, example
from .predictor import Predictor, adapt, predict_cells, restored_buffers
from .result_in_progress import ResultInProgress


def score(
    model: ImageClassifier,
    corrupted: CorruptionSet,
    clean: CleanImages | None,
    *,
    out: Path,
    name: str,
    metric: CorruptionError | None = None,
    config: str = '',
    checkpoint: str = '',
    batch_size: int = 128,
    num_workers: int = 0,
    fp16: bool = False,
    channels_last: bool | None = None,
    recalibrate_bn: int = 0,
    replace: bool = False,
) -> dict[str, Any]:
    """Score a network on each cell, or go on where an earlier call was killed.

    Args:
        model (ImageClassifier): On its device; its mode is kept.
        corrupted (CorruptionSet): The corrupted images.
        clean (CleanImages, optional): The images that they were made from.
        out (Path): The result file; a CSV file is put beside it.
        name (str): The run's, for tables.
        metric (CorruptionError, optional): Says what the errors are normalised
            by. Defaults to None, nothing.
        config (str): The config's name. Defaults to ''.
        checkpoint (str): The checkpoint's name. Defaults to ''.
        batch_size (int): Images per batch. Defaults to 128.
        num_workers (int): Processes that read ahead. Defaults to 0.
        fp16 (bool): Whether to run in mixed precision. Defaults to False.
        channels_last (bool, optional): See :class:`Predictor`. Defaults to None.
        recalibrate_bn (int): Batches of each cell on which BatchNorm's
            statistics are estimated anew before the cell is predicted; 0 keeps
            those of the training. Defaults to 0.
        replace (bool): Whether to replace another run's result; else it is
            refused. Defaults to False.

    Returns:
        dict: The result, the same in each process.

    Raises:
        CTError: If the result file is another run's, the network does not fit
            the data, or an image cannot be read.
        ValueError: If what is to be normalised by is of other cells.
    """
    _check_head(model, corrupted)
    data = corrupted.metainfo['corruptions']
    # Now, not after hours: it may refuse the cells.
    options = (metric or CorruptionError()).summary_options(data, corrupted.cells)
    sources = [source for source in (clean, corrupted) if source is not None]
    weights = digest(model.state_dict())
    settings = dict(weights_sha256=weights, fp16=fp16, recalibrate_bn=recalibrate_bn)
    cells = [cell for source in sources for cell in source.cells]
    marks = dict(**settings, data=data, cells=cells)

    def finish() -> dict[str, Any]:
        result = make_result(
            name=name,
            model=dict(config=config, checkpoint=checkpoint, **settings),
            data=data,
            clean=kept.cells.get(CLEAN),
            cells=[kept.cells[cell] for cell in corrupted.cells],
            examples=kept.examples,
            **options,
        )
        kept.finish(result)
        return result

    with closing(ResultInProgress(out, marks, replace)) as kept:
        with evaluating(model), restored_buffers(model):
            predict, progress = Predictor(model, fp16, channels_last), _progress(sources, kept)
            for source in sources:
                batches = _missing(source, kept, batch_size)
                loader = cell_loader(source, batches, num_workers)
                loader = _watched(loader, source, batches, kept, progress)
                before_cell = None
                if recalibrate_bn:
                    before_cell = partial(adapt, predict, source, recalibrate_bn, batch_size)
                for found in predict_cells(predict, loader, batches, before_cell):
                    kept.add(*_entries(source, *found))
                    # Pages of a mapped file that were touched count as memory.
                    source.close()
        return on_main_rank(finish)


def _check_head(model: ImageClassifier, corrupted: CorruptionSet) -> None:
    """Refuse a network that cannot be right on these labels."""
    outputs = getattr(model.head, 'num_classes', None)
    classes = corrupted.metainfo['corruptions']['num_classes']
    # Classes without names are counted by the labels: there may be more.
    named = 'classes' in corrupted.metainfo
    if outputs is not None and (classes > outputs or (named and classes != outputs)):
        raise CTError(
            f'the set has {classes} classes but the head has {outputs}: give the set that belongs '
            'to this network'
        )
    if isinstance(model.head, MultiLabelClsHead):
        raise CTError('errors need one class an image, but the head is a MultiLabelClsHead')


def _missing(
    source: CorruptionSet | CleanImages, kept: ResultInProgress, batch_size: int
) -> CellBatches:
    """Choose the cells that are to be scored, and the share of each that is this process's."""
    cells = [number for number, cell in enumerate(source.cells) if cell not in kept.cells]
    (rank, world_size), count = get_dist_info(), source.num_images
    share = range(count * rank // world_size, count * (rank + 1) // world_size)
    return CellBatches(cells, count, share, batch_size)


def _progress(
    sources: list[CorruptionSet | CleanImages], kept: ResultInProgress
) -> Progress | None:
    """Begin to show the progress, in the main process alone."""
    if not is_main_process():
        return None
    progress = Progress(sum(len(source.cells) * source.num_images for source in sources))
    for source in sources:
        known = sum(cell in kept.cells for cell in source.cells)
        progress.add('earlier', known * source.num_images, made=False)
    return progress


def _watched(
    loader: Iterable[Tensor | CTError],
    source: CorruptionSet | CleanImages,
    batches: CellBatches,
    kept: ResultInProgress,
    progress: Progress | None,
) -> Iterator[Tensor]:
    """Hand on the batches, show the progress, and raise what a worker could not read."""
    world_size = get_dist_info()[1]
    for number, images in enumerate(loader):
        if isinstance(images, CTError):
            raise images
        # Before it is predicted: nobody asks for more after the last one.
        if progress is not None:
            cell = source.cells[batches.numbers[number // batches.per_cell]]
            what = f'{cell.corruption} {cell.severity}' if cell.corruption else 'clean images'
            # The others are about as far.
            progress.add(f'{what}{_mean_so_far(kept)}', len(images) * world_size)
        yield images


def _mean_so_far(kept: ResultInProgress) -> str:
    extra = kept.marks['data']['categories'].get('extra', ())
    errors = [
        cell['error_pct']
        for (corruption, _), cell in kept.cells.items()
        if corruption is not None and corruption not in extra
    ]
    return f', raw mCE so far {sum(errors) / len(errors):.2f} %' if errors else ''


def _entries(
    source: CorruptionSet | CleanImages, number: int, tops: np.ndarray, confidences: np.ndarray
) -> tuple[dict[str, Any], dict[str, Any] | None]:
    """Make the cell's entry of a result, and an example if its severity is the middle one."""
    cell, unknown = source.cells[number], np.count_nonzero(~np.isfinite(confidences))
    if unknown:
        raise no_scores(f'{unknown} images ({cell})')
    entry = cell_score(*cell, tops == source.labels, confidences)
    severities = sorted({other.severity for other in source.cells})
    if cell.severity != severities[len(severities) // 2]:
        return entry, None
    picture = example(
        source.read(number, slice(0, 1))[0],
        source.channel_order,
        int(source.labels[0]),
        int(tops[0]),
        source.metainfo.get('classes'),
    )
    return entry, dict(**cell._asdict(), image=0, **picture)
