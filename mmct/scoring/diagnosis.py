"""Diagnose any network: score it, re-estimate its BN statistics, and examine its layers."""

import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from mmct.evaluation import diagnose as taken_apart
from mmct.evaluation import mean_estimate
from mmct.messages import of_other_kind, require_counts
from mmct.modes import evaluating, restored_layout
from mmct.report.diagnosis import (
    diagnosis_sentences,
    diagnosis_tables,
    diagnosis_to_html,
    diagnosis_to_markdown,
)
from mmct.report.tables import Table
from mmct.runs.errors import CTError
from mmct.runs.files import file_name, write_json
from mmct.runs.progress import Progress

from .cell_sources import in_order_of, select
from .classes import matched
from .networks import NETWORK_SETTINGS, Network, as_network
from .predictor import Predictor
from .recalibration import batch_norms
from .reliance import find_sites, measure_reliance
from .scorecard import open_cells, score

_OF_IMAGES = (
    'corruptions', 'severities', 'subset', 'size', 'seed', 'table', 'classes_by_position'
)  # fmt: skip


class Diagnosis:
    """The reasons why networks fail under corruption, which notebooks show as tables and text.

    Args:
        found (Mapping): The result of :func:`mmct.evaluation.diagnose`.
    """

    def __init__(self, found: Mapping[str, Any]) -> None:
        self.found = found

    @property
    def tables(self) -> dict[str, Table]:
        """Return the tables by title; each can be printed or written as Markdown or LaTeX."""
        return diagnosis_tables(self.found)

    @property
    def sentences(self) -> dict[str, list[str]]:
        """Return by network the sentences on its largest error, what would help, and its rank."""
        return diagnosis_sentences(self.found)

    def save(self, path: str | Path) -> Path:
        """Write the numbers as JSON.

        Args:
            path (str | Path): A file that ends in .json.

        Returns:
            Path: The file.

        Raises:
            CTError: If the path has another ending, or the file cannot be written.
        """
        path = Path(path)
        if path.suffix != '.json':
            raise CTError(f'a diagnosis is written to a .json file, but got {path}')
        write_json(path, dict(self.found))
        return path

    def __str__(self) -> str:
        return diagnosis_to_markdown(self.found)

    def _repr_html_(self) -> str:
        return diagnosis_to_html(self.found)


def diagnose(
    network: Any,
    images: Any,
    labels: Any = None,
    *,
    baseline: str | None = None,
    recalibrate_bn: int = 10,
    layers: int = 5,
    reliance_images: int = 1000,
    out: str | Path | None = None,
    **options,
) -> Diagnosis:
    """Find out why one or more networks fail on corrupted images.

    Each network is scored. A network with BatchNorm is scored again with statistics re-estimated
    on each cell (a corruption at a severity). Then the clean images are classified with either
    the low-variance half or the high-variance half of the channels of a layer replaced by their
    means, which measures the reliance on each half. As for :func:`mmct.score`, a process of several
    works by itself.

    Args:
        network (Any): A network as for :func:`mmct.score`, or a dict of several by name.
        images (Any): The images, see :func:`mmct.score`.
        labels (Any, optional): The labels, see :func:`mmct.score`. Defaults to None.
        baseline (str, optional): Name of the network that the others are compared with.
            Defaults to None: the first.
        recalibrate_bn (int): Maximum number of batches per cell on which BN statistics are
            re-estimated; 0 skips this. Defaults to 10.
        layers (int): Number of normalisation layers at which the reliance is measured, in
            addition to the input of the linear classifier; 0 skips both. Defaults to 5.
        reliance_images (int): Number of clean images, evenly spaced, for this measurement.
            Defaults to 1,000.
        out (str | Path, optional): A folder for the result files, in which an interrupted call
            can be continued. Defaults to None: nothing is kept.
        **options: Further arguments of :func:`mmct.score`; settings of the network apply to all
            networks.

    Returns:
        Diagnosis: Numbers, tables and sentences.

    Raises:
        CTError: See :func:`mmct.score`; also if two names give the same file name.
        ValueError: See :func:`mmct.score`; also if the baseline is unknown.
    """
    if not isinstance(network, Mapping):
        network = {options.pop('name', None) or type(network).__name__: network}
    names = list(network)
    if baseline is not None and baseline not in names:
        raise ValueError(f'baseline must be one of {", ".join(names)}, but got {baseline!r}')
    if not names:
        raise ValueError('there is no network to diagnose')
    require_counts('diagnose', 0, recalibrate_bn=recalibrate_bn, layers=layers)
    require_counts('diagnose', reliance_images=reliance_images)
    alone = 'corruptions' in getattr(images, 'metainfo', ()) and not getattr(images, 'clean', None)
    if alone or not options.get('clean', True):
        raise CTError(
            'a diagnosis needs the clean error: give the clean images, too (of a set, as its '
            'attribute clean), and do not leave them out'
        )
    if out is not None and Path(out).exists() and not Path(out).is_dir():
        raise CTError(f'--results (out=): {of_other_kind(out)}')
    settings = {key: options.pop(key) for key in NETWORK_SETTINGS if key in options}
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary if out is None else out)
        files = [folder / file_name(name) for name in names]
        ends = ('', f'_bn{recalibrate_bn}') if recalibrate_bn else ('',)
        written = [f'{file}{end}' for file in files for end in ends]
        if len(set(written)) < len(written):
            raise CTError(f'the names {", ".join(names)} give the same file names: change one')
        results, reliance, without_bn = [], {}, []
        for name, file in zip(names, files, strict=True):
            own = as_network(network[name], **settings)
            common = {**options, 'name': name}
            results.append(score(own, images, labels, out=f'{file}.json', **common).result)
            if _has_no_bn(own.module):
                without_bn.append(name)
            elif recalibrate_bn and batch_norms(own.module):
                file = f'{file}_bn{recalibrate_bn}.json'
                card = score(
                    own, images, labels, out=file, recalibrate_bn=recalibrate_bn, **common
                )
                results.append(card.result)
            if layers:
                reliance[name] = _reliance(own, images, labels, layers, reliance_images, common)
    number = 0 if baseline is None else names.index(baseline)
    return Diagnosis(taken_apart(results, reliance, without_bn, number))


def _has_no_bn(module: nn.Module) -> bool:
    """Check that a network surely has no BatchNorm: functions and scripts hide their layers."""
    if type(module) is nn.Module:
        return False  # it stands for a function
    known = any(isinstance(layer, _BatchNorm) for layer in module.modules())
    return not known and not any(name.endswith('running_mean') for name in module.state_dict())


def _reliance(
    network: Network,
    images: Any,
    labels: Any,
    layers: int,
    count: int,
    options: Mapping[str, Any],
) -> list[dict[str, Any]]:
    """Measure the reliance on low-variance channels of each layer by the rise of clean error."""
    chosen = {key: options[key] for key in _OF_IMAGES if key in options}
    clean, corrupted = open_cells(network, images, labels, **chosen)
    if clean is None or clean.num_images == 0:
        return []
    by_position = options.get('classes_by_position', False)
    count = min(count, clean.num_images)
    clean = select(in_order_of(corrupted, clean, by_position), count)
    batch_size = options.get('batch_size') or getattr(images, 'batch_size', None) or 128
    quiet = options.get('quiet', False)
    # Compiled layers would not call the hooks that measure them.
    eager = torch.compiler.set_stance('force_eager')
    with evaluating(network.module), restored_layout(network.module), torch.no_grad(), eager:
        predict = Predictor(network)
        first = clean.read(0, slice(0, 1))
        outputs = predict.num_classes(first)
        own, _ = matched(network, outputs, corrupted, by_position)
        pixels = predict.inputs(torch.from_numpy(first))
        sites = find_sites(network.module, lambda: network.logits(pixels), layers)
        progress = None if quiet else Progress(count * (2 + 2 * len(sites)))

        def batches() -> Iterator[Tensor]:
            for start in range(0, count, batch_size):
                pixels = clean.read(0, slice(start, start + batch_size))
                yield predict.inputs(torch.from_numpy(pixels))
                if progress is not None:
                    progress.add('reliance on low variance', len(pixels))

        wrong, found = measure_reliance(
            own.logits, sites, batches, batches, torch.from_numpy(clean.labels)
        )
    return [
        dict(
            layer=name,
            channels=place.channels,
            low_variance_share=place.low_variance_share,
            low=_rise(place.low_wrong, wrong),
            high=_rise(place.high_wrong, wrong),
        )
        for name, place in found.items()
    ]


def _rise(without: Tensor, wrong: Tensor) -> dict[str, float]:
    return mean_estimate(100 * (without.double() - wrong.double()).numpy())
