"""How accurate a network is on each domain."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from mmengine.evaluator import BaseMetric
from mmpretrain.registry import METRICS


def accuracy_by_domain(
    correct: Sequence[bool], domains: Sequence[int], names: Sequence[str]
) -> dict[str, float]:
    """Accuracy of each domain, their mean and the worst.

    Args:
        correct (Sequence[bool]): Whether each image is predicted right, (N,).
        domains (Sequence[int]): The number of each image's domain, (N,).
        names (Sequence[str]): What the domains are called.

    Returns:
        dict[str, float]: In %: of each domain that occurs, by its name, and
        ``mean`` (over domains, whatever their size) and ``worst``.

    Raises:
        ValueError: If there are no images.
    """
    if not len(correct):
        raise ValueError('there are no images to measure the accuracy of domains on')
    right, domain = np.asarray(correct, float), np.asarray(domains)
    accuracy = {
        names[number]: 100 * float(right[domain == number].mean())
        for number in sorted(set(domain.tolist()))
    }
    values = list(accuracy.values())
    return {**accuracy, 'mean': float(np.mean(values)), 'worst': min(values)}


@METRICS.register_module()
class DomainAccuracy(BaseMetric):
    """Accuracy of each domain of a :class:`mmct.datasets.MultiDomain`, in %.

    The names of the results are ``domain_accuracy/<domain>``, and ``mean`` and
    ``worst`` of the domains. The pipeline's ``PackInputs`` needs 'domain' among
    its ``meta_keys``.

    Args:
        **kwargs: As for mmengine's ``BaseMetric``.
    """

    default_prefix = 'domain_accuracy'

    def process(self, data_batch: Any, data_samples: Sequence[dict]) -> None:
        """Note what is right in a batch.

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
            self.results.append((int(predicted) == int(sample['gt_label']), sample['domain']))

    def compute_metrics(self, results: list) -> dict[str, float]:
        """Reduce what was noted.

        Args:
            results (list): Of all processes.
        """
        correct, domains = zip(*results, strict=True)
        return accuracy_by_domain(correct, domains, self.dataset_meta['domains'])
