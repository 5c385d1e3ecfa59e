"""Score a network on each cell of a corruption set, in a run that survives interruption."""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from mmct.corruptions import CLEAN, Cell
from mmct.corruptions.channels import reordered
from mmct.evaluation import Predictions, Reference, cell_score
from mmct.evaluation.reference import choose_reference
from mmct.evaluation.summary import main_corruptions
from mmct.messages import require_counts
from mmct.modes import evaluating, restored_buffers, restored_layout
from mmct.runs.errors import CTError, no_scores, one_line
from mmct.runs.progress import Progress
from mmct.runs.ranks import is_main_rank, on_main_rank, rank_and_world_size

from .cell_images import CellBatches, cell_loader, example
from .cell_sources import CellSource, in_order_of
from .classes import chosen_outputs, matched
from .networks import Network
from .predictor import Predictor, predict_cells
from .recalibration import adapt
from .result_in_progress import ResultInProgress

# Number of pictures per corruption in a result, at the middle severity.
_PICTURES = 4
# Number of images by which data and network are identified.
_LOOKED_AT = 8


def score_cells(
    network: Network,
    corrupted: CellSource,
    clean: CellSource | None,
    *,
    out: Path,
    name: str,
    keep_name: bool = False,
    reference: str | Path | Mapping[str, Any] | None = None,
    bootstrap: Mapping[str, Any] | None = None,
    config: str = '',
    checkpoint: str = '',
    batch_size: int = 128,
    num_workers: int = 0,
    fp16: bool = False,
    channels_last: bool | None = None,
    recalibrate_bn: int = 0,
    classes_by_position: bool = False,
    replace: bool = False,
    quiet: bool = False,
) -> dict[str, Any]:
    """Score a network on each cell, or continue an interrupted call.

    Cells of the same network and images that the result file already has are kept and not
    scored again.

    Args:
        network (Network): The network, on its device; its mode is kept.
        corrupted (CellSource): The corrupted images.
        clean (CellSource, optional): The images from which they were made.
        out (Path): The result file; a CSV file is written beside it.
        name (str): Name of the run in tables.
        keep_name (bool): Whether a name that the result file already has is kept. Defaults to
            False.
        reference (str | Path | Mapping, optional): The reference by which errors are normalised,
            see :func:`mmct.evaluation.reference.choose_reference`. Defaults to None: errors are
            not normalised.
        bootstrap (Mapping, optional): ``level``, ``resamples`` and ``seed`` of the intervals.
            Defaults to None: those of :func:`mmct.evaluation.make_result`.
        config (str): Name of the config. Defaults to ''.
        checkpoint (str): Name of the checkpoint. Defaults to ''.
        batch_size (int): Images per batch. Defaults to 128.
        num_workers (int): Number of processes that read ahead. Defaults to 0.
        fp16 (bool): Whether to run in mixed precision. Defaults to False.
        channels_last (bool, optional): See :class:`Predictor`. Defaults to None.
        recalibrate_bn (int): Number of batches per cell on which BatchNorm's
            statistics are re-estimated before the cell is predicted; 0 keeps
            the statistics of the training. Defaults to 0.
        classes_by_position (bool): Whether output N is class N of the set, and class N of clean
            images with other names, too. Defaults to False.
        replace (bool): Whether to replace the result of another run rather than
            refuse to. Defaults to False.
        quiet (bool): Whether to hide the progress. Defaults to False.

    Returns:
        dict: The result, the same in each process.

    Raises:
        CTError: If the result file belongs to another run, the network does not match
            the data, or an image cannot be read.
    """
    require_counts('score_cells', batch_size=batch_size)
    require_counts('score_cells', 0, recalibrate_bn=recalibrate_bn, num_workers=num_workers)
    listed = len(corrupted) if hasattr(corrupted, '__len__') else None
    if listed not in (None, len(corrupted.cells) * corrupted.num_images):
        raise CTError(
            'the corruption set must have all images of each cell: leave out indices, and choose a '
            'part of the images with subset'
        )
    known = clean or getattr(corrupted, 'clean', None)
    module = network.module
    with evaluating(module), restored_buffers(module), restored_layout(module):
        predict = Predictor(network, fp16, channels_last)
        num_classes = predict.num_classes(_some(known or corrupted))
        predict.network, outputs = matched(network, num_classes, corrupted, classes_by_position)
        num_classes = outputs.get('outputs', num_classes)
        # Use clean images if there are any: they are the same for any choice of cells.
        known, clean = (
            each and in_order_of(corrupted, each, classes_by_position) for each in (known, clean)
        )
        data, settings = _identified(predict, known, corrupted)
        sources = [source for source in (clean, corrupted) if source is not None]
        cells = [cell for source in sources for cell in source.cells]
        settings |= dict(
            fp16=fp16,
            recalibrate_bn=recalibrate_bn,
            # The statistics are means over batches of this size.
            bn_batch_size=batch_size if recalibrate_bn else 0,
        )
        with closing(ResultInProgress(out, dict(**settings, data=data), cells, replace)) as kept:
            _drop_changed(corrupted, kept, replace)
            chosen = None if reference is None else _chosen(reference, corrupted, kept)
            if kept.cells and not quiet and is_main_rank():
                print(f'{out} has {len(kept.cells)} scores of an earlier run, which are kept')
            progress = None if quiet else _progress(sources, kept)
            for source in sources:
                batches = _missing(source, kept, batch_size)
                loader = cell_loader(source, batches, num_workers, predict.device)
                loader = _watched(loader, source, batches, kept, progress)
                before = None
                if recalibrate_bn:
                    before = partial(adapt, predict, source, recalibrate_bn, batch_size)
                labels = source.labels
                for found in predict_cells(predict, loader, batches, labels, num_classes, before):
                    kept.add(*_entries(source, *found))
                    # Pages of a mapped file that were read count as memory.
                    source.close()
            finish = partial(
                kept.finish,
                name=(keep_name and kept.name) or name,
                model=dict(config=config, checkpoint=checkpoint, **settings, **outputs),
                labels=corrupted.labels,
                classes=corrupted.metainfo.get('classes'),
                reference=chosen,
                **(bootstrap or {}),
            )
            return on_main_rank(finish)


def _identified(
    predict: Predictor, known: CellSource | None, corrupted: CellSource
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Describe the data, and hash the network and what it does, by a few images."""
    some, data = _some(known or corrupted), corrupted.metainfo['corruptions']
    stored = data['set'] != 'generated'
    if known is not None:
        pixels = reordered(some, known.channel_order)
        data = {**data, 'pixels_sha256': hashlib.sha256(pixels.tobytes()).hexdigest()}
    if stored:
        some = _probe(some, _some(corrupted))
    classes, probabilities = predict.tops(some)
    said = dict(predict.network.settings())
    if stored:
        said |= chosen_outputs(predict.network)
    # How a network treats pixels, which weights alone do not determine: the hash is of classes, as
    # the rounding of probabilities depends on the machine; these are compared with a tolerance.
    said['classes'] = classes
    return data, dict(
        weights_sha256=predict.network.digest(torch.from_numpy(some).permute(0, 3, 1, 2)),
        behaviour_sha256=hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest(),
        top_probabilities=probabilities and [round(each, 4) for each in probabilities],
    )


def _some(source: CellSource) -> np.ndarray:
    """Read a few images of the first cell that are far apart, uint8 (B, H, W, 3)."""
    images = [_read(source, 0, place) for place in _spread(source.num_images, _LOOKED_AT)]
    # Images of other sizes are left out; reading whole batches will refuse them.
    return np.concatenate([image for image in images if image.shape == images[0].shape])


def _read(source: CellSource, number: int, position: int) -> np.ndarray:
    """Read an image of a cell, uint8 (1, H, W, 3)."""
    try:
        return source.read(number, slice(position, position + 1))
    except (OSError, ValueError) as error:
        raise CTError(one_line(error)) from error


def _probe(clean: np.ndarray, corrupted: np.ndarray) -> np.ndarray:
    """Draw images in the size of a set on disk, the same whatever is scored of it and with it."""
    sizes = [' x '.join(map(str, images.shape[1:3])) for images in (clean, corrupted)]
    if sizes[0] != sizes[1]:
        raise CTError(
            f'the clean images have {sizes[0]} px, but those of the set have {sizes[1]}: give '
            'clean images of this size, from which it was made'
        )
    return np.random.default_rng(0).integers(0, 256, (_LOOKED_AT, *corrupted.shape[1:]), np.uint8)


def _is_stored(source: CellSource, cell: Cell) -> bool:
    """Check whether a cell is of files, whose pixels nothing else in a result determines."""
    return cell != CLEAN and source.metainfo['corruptions']['set'] != 'generated'


def _pixels(source: CellSource, number: int) -> str:
    """Return a hash of a few images of a cell."""
    images = (_read(source, number, place) for place in _spread(source.num_images, _LOOKED_AT))
    pixels = (reordered(image, source.channel_order).tobytes() for image in images)
    return hashlib.sha256(b''.join(pixels)).hexdigest()


def _changed(source: CellSource, kept: ResultInProgress) -> list[Cell]:
    """List the scored cells of a set whose files have other images now."""
    known = {
        number: kept.cells[cell]['pixels_sha256']
        for number, cell in enumerate(source.cells)
        if kept.cells.get(cell, {}).get('pixels_sha256')
    }
    changed = [number for number, pixels in known.items() if pixels != _pixels(source, number)]
    source.close()
    return [source.cells[number] for number in changed]


def _drop_changed(source: CellSource, kept: ResultInProgress, replace: bool) -> None:
    """Drop the scores of cells whose files have other images now, or refuse to."""
    for cell in on_main_rank(partial(_changed, source, kept)):
        if not replace:
            raise CTError(
                f'{kept.out} has scores for other images of {cell}: choose another --out, or '
                'remove it'
            )
        kept.drop(cell)


def _chosen(
    reference: str | Path | Mapping[str, Any], source: CellSource, kept: ResultInProgress
) -> Reference:
    """Choose the reference for the cells that a result has or will have."""
    cells = dict.fromkeys(cell for cell in (*kept.cells, *source.cells) if cell != CLEAN)
    todo = [
        dict(**cell._asdict(), pixels_sha256=_pixels(source, number))
        for number, cell in enumerate(source.cells)
        if cell not in kept.cells and _is_stored(source, cell)
    ]
    source.close()
    scored, data = [*kept.cells.values(), *todo], kept.marks['data']
    try:
        return choose_reference(reference, data, list(cells), scored)
    except ValueError as error:
        raise CTError(one_line(error)) from error


def _missing(source: CellSource, kept: ResultInProgress, batch_size: int) -> CellBatches:
    """Choose the cells to score, and the share of each for this process."""
    cells = [number for number, cell in enumerate(source.cells) if cell not in kept.cells]
    (rank, world_size), count = rank_and_world_size(), source.num_images
    share = range(count * rank // world_size, count * (rank + 1) // world_size)
    return CellBatches(cells, count, share, batch_size)


def _progress(sources: list[CellSource], kept: ResultInProgress) -> Progress | None:
    """Start to show the progress, in the main process only."""
    if not is_main_rank():
        return None
    progress = Progress(sum(len(source.cells) * source.num_images for source in sources))
    for source in sources:
        known = sum(cell in kept.cells for cell in source.cells)
        progress.add('earlier', known * source.num_images, made=False)
    return progress


def _watched(
    loader: Iterable[Tensor | CTError],
    source: CellSource,
    batches: CellBatches,
    kept: ResultInProgress,
    progress: Progress | None,
) -> Iterator[Tensor]:
    """Yield the batches, show the progress, and raise the errors of worker processes."""
    world_size = rank_and_world_size()[1]
    for number, images in enumerate(loader):
        if isinstance(images, CTError):
            raise images
        # Update before the batch is predicted, as nothing runs here after the last one.
        if progress is not None:
            cell = source.cells[batches.numbers[number // batches.per_cell]]
            what = f'{cell.corruption} {cell.severity}' if cell.corruption else 'clean images'
            # Assume that the other processes have come as far.
            progress.add(f'{what}{_mean_so_far(kept)}', len(images) * world_size)
        yield images


def _mean_so_far(kept: ResultInProgress) -> str:
    scored = [corruption for corruption, _ in kept.cells if corruption is not None]
    main = main_corruptions(kept.marks['data'], scored)
    errors = [cell['error_pct'] for (name, _), cell in kept.cells.items() if name in main]
    return f', raw mCE so far {sum(errors) / len(errors):.2f} %' if errors else ''


def _entries(
    source: CellSource, number: int, predictions: Predictions, confidence: np.ndarray
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Make the entry of a cell for a result, with pictures if its severity is the middle one."""
    cell, unknown = source.cells[number], np.count_nonzero(~np.isfinite(confidence))
    if unknown:
        raise no_scores(f'{unknown} images ({cell})')
    tops = predictions.classes[:, 0]
    entry = cell_score(*cell, tops == source.labels, confidence, predictions)
    if _is_stored(source, cell):
        entry['pixels_sha256'] = _pixels(source, number)
    severities = sorted({other.severity for other in source.cells})
    if cell.severity != severities[len(severities) // 2]:
        return entry, []
    shown = _spread(source.num_images, _PICTURES)
    return entry, [_picture(source, number, int(tops[i]), i) for i in shown]


def _spread(num_images: int, count: int) -> list[int]:
    """Choose images that are far apart, as many sets are sorted by class."""
    return sorted({num_images * number // count for number in range(count)})


def _picture(source: CellSource, number: int, prediction: int, position: int) -> dict[str, Any]:
    image = _read(source, number, position)[0]
    label, classes = int(source.labels[position]), source.metainfo.get('classes')
    cell: Cell = source.cells[number]
    shown = example(image, source.channel_order, label, prediction, classes)
    return dict(**cell._asdict(), image=position, **shown)
