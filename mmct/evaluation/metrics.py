"""Register metrics for mmpretrain: errors on corrupted images, and accuracy on each domain."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from mmengine.evaluator import BaseMetric
from mmpretrain.registry import METRICS

from .reference import choose_reference, open_reference
from .summary import LEVEL, RESAMPLES, SEED, cell_score, summarise_cells


@METRICS.register_module()
class CorruptionError(BaseMetric):
    """Error per corruption and severity, with means and calibration errors.

    The samples of the data set must carry their corruption and severity, as those of
    :class:`mmct.datasets.CIFAR10C` and :class:`mmct.datasets.GeneratedCorruptionSet`
    do, and have one class per image. All values are in %. ``raw_mce_pct`` is the mean
    error without normalisation (as for CIFAR-10-C), and ``normalised_mce_pct`` the
    mean error relative to ``reference`` (as for ImageNet-C). See
    :func:`summarise_cells`.

    Args:
        reference (str, optional): 'alexnet', for ImageNet-C only, or the path of
            an earlier result file. Defaults to None.
        level (float): Level of the intervals. Defaults to 0.95.
        resamples (int): Number of bootstrap draws over images. Defaults to 10,000.
        bootstrap_seed (int): Seed of the bootstrap. Defaults to 0.
        collect_device (str): 'cpu' or 'gpu'. Defaults to 'cpu'.
        prefix (str, optional): Prefix of the values' names. Defaults to None:
            'corruption'.

    Raises:
        ValueError: If the reference is not a result file; when computed, if
            samples or cells are missing, scores are not finite, or the
            reference has other cells.
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
        # Read at once, as an error after hours of evaluation would come too late.
        self._result = open_reference(reference)

    def summary_options(
        self, data: Mapping[str, Any], cells: Sequence[tuple[str, int]]
    ) -> dict[str, Any]:
        """Return the options of :func:`summarise_cells` for a set.

        Args:
            data (Mapping): The description of the set.
            cells (Sequence[tuple[str, int]]): Corruptions and severities.

        Returns:
            dict: The ``reference`` and the settings of the bootstrap.

        Raises:
            ValueError: If the reference has other images or cells.
        """
        reference = choose_reference(self._result or self._reference, data, cells)
        return dict(reference=reference, **self._bootstrap)

    def options(self, corrupted: Any) -> dict[str, Any]:
        """Return the options of :func:`mmct.scoring.score_cells` for a set.

        Args:
            corrupted (CorruptionSet): The set.

        Returns:
            dict: The options ``reference`` and ``bootstrap``.

        Raises:
            ValueError: If the reference has other images or cells.
        """
        data = corrupted.metainfo['corruptions']
        self.summary_options(data, corrupted.cells)  # refuses a reference that does not fit
        return dict(reference=self._result or self._reference, bootstrap=self._bootstrap)

    def process(self, data_batch: Any, data_samples: Sequence[Mapping[str, Any]]) -> None:
        """Collect hits and confidences.

        Args:
            data_batch (Any): Unused.
            data_samples (Sequence[Mapping]): Predictions with corruption, severity
                and the position of the image.

        Raises:
            ValueError: If a sample has no corruption or position.
        """
        for sample in data_samples:
            if 'corruption' not in sample or 'position' not in sample:
                raise ValueError(
                    'CorruptionError: the samples do not name their corruption: use a data set '
                    'such as CIFAR10C or GeneratedCorruptionSet, and add its keys to the '
                    'meta_keys of PackInputs'
                )
            cell, scores = (sample['corruption'], int(sample['severity'])), sample['pred_score']
            top = int(scores.argmax())
            hit, confidence = top == int(sample['gt_label']), float(scores[top])
            self.results.append((cell, int(sample['position']), hit, confidence))

    def compute_metrics(self, results: list) -> dict[str, float]:
        """Compute all errors.

        Args:
            results (list): The collection of :meth:`process` for all images.

        Returns:
            dict[str, float]: Values in %, named as in :func:`flat`.

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
                    f'of {data["images"]} images: all are needed'
                )
            hits, confidence = zip(*(images[i] for i in range(len(images))), strict=True)
            _require_finite('CorruptionError', confidence)
            cells.append(cell_score(corruption, severity, np.array(hits), np.array(confidence)))
        options = self.summary_options(data, list(by_cell))
        return flat(summarise_cells(data, None, cells, **options))


def flat(summary: Mapping[str, Any]) -> dict[str, float]:
    """Flatten a summary to scalars for logs.

    Args:
        summary (Mapping): The result of :func:`summarise_cells`.

    Returns:
        dict[str, float]: Values in %, without those that are unknown.
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
    """Compute the accuracy on each domain, the mean and the worst.

    Args:
        correct (Sequence[bool]): True where an image is classified correctly. (N,)
        domains (Sequence[int]): The domain number of each image. (N,)
        names (Sequence[str]): The names of the domains by number.

    Returns:
        dict[str, float]: Accuracy in % by name of the domains that occur, and
        ``mean`` (with equal weights of the domains) and ``worst``.

    Raises:
        ValueError: If there are no images.
    """
    if not len(correct):
        raise ValueError('there are no images to measure the accuracy on domains')
    right, domain = np.asarray(correct, float), np.asarray(domains)
    accuracy = {names[n]: 100 * float(right[domain == n].mean()) for n in np.unique(domain)}
    values = list(accuracy.values())
    return {**accuracy, 'mean': float(np.mean(values)), 'worst': min(values)}


@METRICS.register_module()
class DomainAccuracy(BaseMetric):
    """Accuracy on each domain of a :class:`mmct.datasets.MultiDomain`, in %.

    The results are named ``domain_accuracy/<domain>``, ``domain_accuracy/mean`` and
    ``domain_accuracy/worst``. The ``meta_keys`` of the pipeline's ``PackInputs`` must
    include 'domain'. Its settings are those of mmengine's ``BaseMetric``.
    """

    default_prefix = 'domain_accuracy'

    def process(self, data_batch: Any, data_samples: Sequence[dict]) -> None:
        """Collect hits and domains of a batch.

        Args:
            data_batch (Any): Unused.
            data_samples (Sequence[dict]): Predictions with ``gt_label``,
                ``domain`` and ``pred_label`` or ``pred_score``.

        Raises:
            ValueError: If a sample has no ``domain``.
        """
        for sample in data_samples:
            if 'domain' not in sample:
                raise ValueError(
                    'DomainAccuracy: images come without their domain: use a MultiDomain data '
                    "set, and add 'domain' to the meta_keys of PackInputs"
                )
            predicted = sample.get('pred_label')
            if predicted is None:
                predicted = sample['pred_score'].argmax()
            score = float(sample['pred_score'].sum()) if 'pred_score' in sample else 0.0
            hit = int(predicted) == int(sample['gt_label'])
            self.results.append((hit, sample['domain'], score))

    def compute_metrics(self, results: list) -> dict[str, float]:
        """Reduce the collection of :meth:`process`.

        Args:
            results (list): The collections of all processes.

        Returns:
            dict[str, float]: See :func:`accuracy_by_domain`.

        Raises:
            ValueError: If the scores of an image are not finite.
        """
        correct, domains, scores = zip(*results, strict=True)
        _require_finite('DomainAccuracy', scores)
        return accuracy_by_domain(correct, domains, self.dataset_meta['domains'])


def _require_finite(owner: str, scores: Sequence[float]) -> None:
    """Refuse scores that are not finite, whose maximum would always be the first class."""
    unknown = int((~np.isfinite(scores)).sum())
    if unknown:
        raise ValueError(
            f'{owner}: the network gives no finite scores for {unknown} of {len(scores)} images: '
            'its training may have diverged'
        )
