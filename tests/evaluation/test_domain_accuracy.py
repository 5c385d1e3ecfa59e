"""Accuracy of each domain."""

import pytest
import torch
from mmpretrain.registry import METRICS
from mmpretrain.structures import DataSample

from mmct.evaluation.metrics import DomainAccuracy, accuracy_by_domain

NAMES = ('art', 'cartoon', 'photo', 'sketch')


def test_domains_count_the_same_whatever_their_size():
    correct = [True, False, False, False, True, True]
    result = accuracy_by_domain(correct, [0, 0, 0, 0, 3, 3], NAMES)
    assert result == dict(art=25.0, sketch=100.0, mean=62.5, worst=25.0)


def test_no_images_are_refused():
    with pytest.raises(ValueError, match='no images'):
        accuracy_by_domain([], [], NAMES)


@pytest.mark.parametrize('predicted', ['label', 'score'])
def test_the_metric_reads_predictions(predicted):
    metric = METRICS.build(dict(type='DomainAccuracy'))
    assert isinstance(metric, DomainAccuracy)
    metric.dataset_meta = dict(domains=NAMES)
    for label, guess, domain in [(0, 0, 2), (1, 0, 2), (2, 2, 1)]:
        sample = DataSample(metainfo=dict(domain=domain)).set_gt_label(label)
        if predicted == 'label':
            sample.set_pred_label(guess)
        else:
            sample.set_pred_score(torch.eye(3)[guess])
        metric.process({}, [sample.to_dict()])
    result = metric.evaluate(3)
    assert result == {
        'domain_accuracy/cartoon': 100.0,
        'domain_accuracy/photo': 50.0,
        'domain_accuracy/mean': 75.0,
        'domain_accuracy/worst': 50.0,
    }


def test_images_without_a_domain_are_refused():
    metric = DomainAccuracy()
    with pytest.raises(ValueError, match="without their domain: .*'domain' among the meta_keys"):
        metric.process({}, [DataSample().set_gt_label(0).set_pred_label(0).to_dict()])
