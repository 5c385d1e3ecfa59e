"""Diagnose any network: score it, with and without its BN statistics, and look into its layers."""

import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from mmct.evaluation import diagnose as taken_apart
from mmct.evaluation import mean_estimate
from mmct.modes import evaluating
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

from .classes import matched
from .images import Selection
from .networks import NETWORK_SETTINGS, Network, as_network
from .predictor import Predictor
from .recalibration import batch_norms
from .reliance import find_sites, measure_reliance
from .scorecard import open_cells, score

_OF_IMAGES = ('corruptions', 'severities', 'subset', 'size', 'seed', 'table')


class Diagnosis:
    """Tell why networks fail under corruption; a notebook shows its tables and sentences.

    Args:
        found (Mapping): What :func:`mmct.evaluation.diagnose` returns.
    """

    def __init__(self, found: Mapping[str, Any]) -> None:
        self.found = found

    @property
    def tables(self) -> dict[str, Table]:
        """The tables by their titles; each prints itself, and writes Markdown and LaTeX."""
        return diagnosis_tables(self.found)

    @property
    def sentences(self) -> dict[str, list[str]]:
        """Sentences on what dominates, what would help and what it is compared with, by network."""
        return diagnosis_sentences(self.found)

    def save(self, path: str | Path) -> Path:
        """Write the numbers as JSON.

        Args:
            path (str | Path): Ends in .json.

        Returns:
            Path: The file.

        Raises:
            CTError: If it has another ending, or cannot be written.
        """
        path = Path(path)
        if path.suffix != '.json':
            raise CTError(f'a diagnosis is written to a .json file, got {path}')
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
    """Say why a network, or each of several, fails on corrupted images.

    Each is scored; one with BatchNorm once more with its statistics estimated anew on each
    cell. Then the clean images are predicted without the low-variance half of the channels,
    and without the other half, at some layers.

    Args:
        network: As for :func:`mmct.score`, or several of these by name.
        images: As for :func:`mmct.score`.
        labels (optional): As for :func:`mmct.score`.
        baseline (str, optional): The name of the network that the others are compared with.
            Defaults to the first.
        recalibrate_bn (int): Batches of each cell that BN statistics are estimated on, at most;
            0 leaves that out. Defaults to 10.
        layers (int): At how many of the layers that normalise, beside the features that the
            last linear layer gets, the reliance on low variance is measured; 0 leaves
            all of it out. Defaults to 5.
        reliance_images (int): On so many of the clean images, evenly spaced. Defaults to 1,000.
        out (str | Path, optional): A folder for the result files: an interrupted call goes on
            there. Defaults to None: kept nowhere.
        **options: As for :func:`mmct.score`; those of the network are for all.

    Returns:
        Diagnosis: Numbers, tables and sentences.

    Raises:
        CTError: As :func:`mmct.score`, or if two names make one file.
        ValueError: As :func:`mmct.score`, or if there is no such baseline.
    """
    if not isinstance(network, Mapping):
        network = {options.pop('name', None) or type(network).__name__: network}
    names = list(network)
    if baseline is not None and baseline not in names:
        raise ValueError(f'baseline must be one of {", ".join(names)}, got {baseline!r}')
    settings = {key: options.pop(key) for key in NETWORK_SETTINGS if key in options}
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary if out is None else out)
        files = [folder / file_name(name) for name in names]
        if len(set(files)) < len(files):
            raise CTError(f'the names {", ".join(names)} are too alike for files: change one')
        results, reliance, without_bn = [], {}, []
        for name, file in zip(names, files, strict=True):
            own = as_network(network[name], **settings)
            common = {**options, 'name': name}
            results.append(score(own, images, labels, out=f'{file}.json', **common).result)
            if not batch_norms(own.module):
                without_bn.append(name)
            elif recalibrate_bn:
                file = f'{file}_bn{recalibrate_bn}.json'
                card = score(
                    own, images, labels, out=file, recalibrate_bn=recalibrate_bn, **common
                )
                results.append(card.result)
            if layers:
                reliance[name] = _reliance(own, images, labels, layers, reliance_images, common)
    number = 0 if baseline is None else names.index(baseline)
    return Diagnosis(taken_apart(results, reliance, without_bn, number))


def _reliance(
    network: Network,
    images: Any,
    labels: Any,
    layers: int,
    count: int,
    options: Mapping[str, Any],
) -> list[dict[str, Any]]:
    """Measure the reliance on low variance, layer by layer, as rises of the clean error."""
    chosen = {key: options[key] for key in _OF_IMAGES if key in options}
    chosen['input_size'] = getattr(network, 'input_size', None)
    clean, corrupted = open_cells(images, labels, **chosen)
    if clean is None or clean.num_images == 0:
        return []
    count = min(count, clean.num_images)
    total = clean.num_images
    clean = Selection(clean, np.arange(count) * total // count, f'{count} of {total} images')
    batch_size = options.get('batch_size') or getattr(images, 'batch_size', None) or 128
    quiet = options.get('quiet', False)
    with evaluating(network.module), torch.no_grad():
        predict = Predictor(network)
        first = clean.read(0, slice(0, 1))
        outputs = predict.num_classes(first)
        own, _ = matched(network, outputs, corrupted, options.get('classes_by_position', False))
        sites = find_sites(network.module, lambda: predict.num_classes(first), layers)
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
