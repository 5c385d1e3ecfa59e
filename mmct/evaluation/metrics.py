"""The metrics of mmpretrain: errors on corrupted images, accuracy of each domain."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from mmengine.evaluator import BaseMetric
from mmpretrain.registry import METRICS

from .reference import choose_reference, open_reference
from .summary import LEVEL, RESAMPLES, SEED, cell_score, summarise_cells


@METRICS.register_module()
class CorruptionError(BaseMetric):
    """Error per corruption and severity, their means, and calibration.

    It needs a data set whose samples say of which cell they are:
    :class:`mmct.datasets.CIFAR10C`, :class:`mmct.datasets.GeneratedCorruptionSet` and
    the like, with one class per image. All values are in %; ``raw_mce_pct`` is the
    mean error, not normalised (as for CIFAR-10-C), and ``normalised_mce_pct`` the one
    relative to ``reference`` (as for ImageNet-C). See :func:`summarise_cells`.

    Args:
        reference (str, optional): 'alexnet', for ImageNet-C alone, or the path
            of an earlier result file. Defaults to None.
        level (float): Of the intervals. Defaults to 0.95.
        resamples (int): Of the bootstrap over images. Defaults to 10,000.
        bootstrap_seed (int): Of the bootstrap. Defaults to 0.
        collect_device (str): 'cpu' or 'gpu'. Defaults to 'cpu'.
        prefix (str, optional): Of the values' names. Defaults to 'corruption'.

    Raises:
        ValueError: If the reference is no result file; when computed, if
            samples or cells are missing, scores are not finite, or the
            reference is of other cells.
    """

    default_prefix = 'corruption'

    def __init__(
        self,
        reference: str | None = None,
        level: float = LEVEL,
        resamples: int = RESAMPLES,
        bootstrap_seed: int = SEED,
        collect_device: str = 'cpu',
        prefix: str | None = None,
    ) -> None:
        super().__init__(collect_device=collect_device, prefix=prefix)
        self._bootstrap = dict(level=level, resamples=resamples, seed=bootstrap_seed)
        self._reference = reference
        # Read at once: after hours of evaluation it would be late.
        self._result = open_reference(reference)

    def summary_options(
        self, data: Mapping[str, Any], cells: Sequence[tuple[str, int]]
    ) -> dict[str, Any]:
        """Return the options of :func:`summarise_cells` for a set.

        Args:
            data (Mapping): What the set says of itself.
            cells (Sequence[tuple[str, int]]): Corruptions and severities.

        Returns:
            dict: ``reference`` and the settings of the bootstrap.

        Raises:
            ValueError: If the reference is of other cells.
        """
        reference = choose_reference(self._result or self._reference, data, cells)
        return dict(reference=reference, **self._bootstrap)

    def options(self, corrupted: Any) -> dict[str, Any]:
        """Return the options of :func:`mmct.scoring.score_cells` for a set.

        Args:
            corrupted (CorruptionSet): The set.

        Returns:
            dict: ``reference`` and ``bootstrap``.

        Raises:
            ValueError: If the reference is of other cells.
        """
        data = corrupted.metainfo['corruptions']
        found = self.summary_options(data, corrupted.cells)
        return dict(reference=found['reference'], bootstrap=self._bootstrap)

    def process(self, data_batch: Any, data_samples: Sequence[Mapping[str, Any]]) -> None:
        """Collect which images are right.

        Args:
            data_batch: Not used.
            data_samples (Sequence[Mapping]): Predictions, with the cell and the
                image's position in it.

        Raises:
            ValueError: If a sample is not of a cell.
        """
        for sample in data_samples:
            if 'corruption' not in sample or 'position' not in sample:
                raise ValueError(
                    'CorruptionError: the samples do not say of which corruption they are: it '
                    'needs a data set such as CIFAR10C or GeneratedCorruptionSet, and their keys '
                    'among the meta_keys of PackInputs'
                )
            cell, scores = (sample['corruption'], int(sample['severity'])), sample['pred_score']
            top = int(scores.argmax())
            hit, confidence = top == int(sample['gt_label']), float(scores[top])
            self.results.append((cell, int(sample['position']), hit, confidence))

    def compute_metrics(self, results: list) -> dict[str, float]:
        """Compute all errors.

        Args:
            results (list): What :meth:`process` collected, of all images.

        Returns:
            dict[str, float]: In %, as :func:`flat` names them.

        Raises:
            ValueError: If a cell lacks images, or scores are not finite.
        """
        data = self.dataset_meta['corruptions']
        by_cell: dict[tuple[str, int], dict[int, tuple[bool, float]]] = {}
        for key, position, hit, confidence in results:
            by_cell.setdefault(key, {})[position] = hit, confidence
        cells = []
        for (corruption, severity), images in by_cell.items():
            if sorted(images) != list(range(data['images'])):
                raise ValueError(
                    f'CorruptionError: {corruption} at severity {severity} has {len(images)} '
                    f'of {data["images"]} images: give all of each cell'
                )
            hits, confidence = zip(*(images[i] for i in range(len(images))), strict=True)
            _require_finite('CorruptionError', confidence)
            cells.append(cell_score(corruption, severity, np.array(hits), np.array(confidence)))
        options = self.summary_options(data, list(by_cell))
        return flat(summarise_cells(data, None, cells, **options))


def flat(summary: Mapping[str, Any]) -> dict[str, float]:
    """Flatten a summary to the scalars that logs have.

    Args:
        summary (Mapping): Of :func:`summarise_cells`.

    Returns:
        dict[str, float]: In %; what is not known is left out.
    """
    normalised = summary['normalised'] or {}
    values = dict(
        raw_mce_pct=summary['raw_mce_pct'],
        normalised_mce_pct=normalised.get('mce_pct'),
        relative_mce_pct=normalised.get('relative_mce_pct'),
        clean_error_pct=summary['clean_error_pct'],
        gap_pct=summary['gap_pct'],
        **{f'{kind}_pct': mean for kind, mean in summary['categories_pct'].items()},
        extra_pct=summary['extra_pct'],
    )
    for key in ('ece', 'rms_calibration'):
        values |= {f'{key}_{on}_pct': v for on, v in summary[f'{key}_pct'].items()}
    values |= {f'error_pct/{name}': v for name, v in summary['corruption_error_pct'].items()}
    return {name: float(value) for name, value in values.items() if value is not None}


def accuracy_by_domain(
    correct: Sequence[bool], domains: Sequence[int], names: Sequence[str]
) -> dict[str, float]:
    """Compute the accuracy of each domain, their mean and the worst.

    Args:
        correct (Sequence[bool]): True where an image is predicted right. (N,)
        domains (Sequence[int]): The number of each image's domain. (N,)
        names (Sequence[str]): The names of the domains, by number.

    Returns:
        dict[str, float]: In %: of each domain that occurs, by its name, and
        ``mean`` (over domains, whatever their size) and ``worst``.

    Raises:
        ValueError: If there are no images.
    """
    if not len(correct):
        raise ValueError('there are no images to measure the accuracy of domains on')
    right, domain = np.asarray(correct, float), np.asarray(domains)
    accuracy = {names[n]: 100 * float(right[domain == n].mean()) for n in np.unique(domain)}
    values = list(accuracy.values())
    return {**accuracy, 'mean': float(np.mean(values)), 'worst': min(values)}


@METRICS.register_module()
class DomainAccuracy(BaseMetric):
    """Accuracy of each domain of a :class:`mmct.datasets.MultiDomain`, in %.

    The names of the results are ``domain_accuracy/<domain>``, and ``mean`` and
    ``worst`` of the domains. The pipeline's ``PackInputs`` needs 'domain' among
    its ``meta_keys``. Its settings are those of mmengine's ``BaseMetric``.
    """

    default_prefix = 'domain_accuracy'

    def process(self, data_batch: Any, data_samples: Sequence[dict]) -> None:
        """Collect what is right in a batch.

        Args:
            data_batch (Any): Not used.
            data_samples (Sequence[dict]): Predictions, with ``gt_label``,
                ``domain`` and ``pred_label`` or ``pred_score``.

        Raises:
            ValueError: If they have no ``domain``.
        """
        for sample in data_samples:
            if 'domain' not in sample:
                raise ValueError(
                    'DomainAccuracy: images come without their domain: use a MultiDomain data '
                    "set, and 'domain' among the meta_keys of PackInputs"
                )
            predicted = sample.get('pred_label')
            if predicted is None:
                predicted = sample['pred_score'].argmax()
            score = float(sample['pred_score'].sum()) if 'pred_score' in sample else 0.0
            hit = int(predicted) == int(sample['gt_label'])
            self.results.append((hit, sample['domain'], score))

    def compute_metrics(self, results: list) -> dict[str, float]:
        """Reduce what :meth:`process` collected.

        Args:
            results (list): Of all processes.

        Returns:
            dict[str, float]: See :func:`accuracy_by_domain`.

        Raises:
            ValueError: If the scores of an image are not finite.
        """
        correct, domains, scores = zip(*results, strict=True)
        _require_finite('DomainAccuracy', scores)
        return accuracy_by_domain(correct, domains, self.dataset_meta['domains'])


def _require_finite(owner: str, scores: Sequence[float]) -> None:
    """Refuse scores that are not finite: the largest of such is always the first class's."""
    unknown = int((~np.isfinite(scores)).sum())
    if unknown:
        raise ValueError(
            f'{owner}: the network gives no finite scores for {unknown} of {len(scores)} images: '
            'its training may have diverged'
        )
