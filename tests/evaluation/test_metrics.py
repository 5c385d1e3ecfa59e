"""The metrics, fed as a stock loop feeds them."""

import json

import numpy as np
import pytest
import scorecards
import torch
from mmpretrain.registry import METRICS
from mmpretrain.structures import DataSample

from mmct.corruptions import BENCHMARK
from mmct.evaluation.metrics import CorruptionError, DomainAccuracy, accuracy_by_domain, flat
from mmct.evaluation.reference import open_reference
from mmct.scoring import Scorecard

CELLS = [('fog', 1), ('fog', 5), ('saturate', 1), ('saturate', 5)]
NAMES = ('art', 'cartoon', 'photo', 'sketch')


def samples(cells=CELLS, count=12):
    rng = np.random.default_rng(0)
    for corruption, severity in cells:
        for position in range(count):
            scores = torch.from_numpy(rng.dirichlet(np.ones(4)))
            sample = DataSample().set_gt_label(int(rng.integers(4)))
            sample.set_pred_score(scores).set_pred_label(scores.argmax())
            for key, value in (('corruption', corruption), ('severity', severity),
                               ('position', position)):  # fmt: skip
                sample.set_field(value, key, field_type='metainfo')
            yield sample


def measured(found, metric=None, **data):
    metric = metric or METRICS.build(dict(type='CorruptionError'))
    metric.dataset_meta = dict(corruptions={**scorecards.DATA, 'images': 12, **data})
    for sample in found:
        metric.process({}, [sample.to_dict()])
    return metric.evaluate(len(metric.results))


def test_errors_by_hand_whatever_the_order():
    found = list(samples())
    wrong = {cell: 0 for cell in CELLS}
    for sample in found:
        missed = int(sample.pred_label) != int(sample.gt_label)
        wrong[sample.corruption, sample.severity] += missed
    metrics = measured(found)
    pct = {cell: 100 * count / 12 for cell, count in wrong.items()}
    assert metrics['corruption/error_pct/fog'] == pytest.approx(
        (pct['fog', 1] + pct['fog', 5]) / 2
    )
    # Saturate is an extra one.
    assert metrics['corruption/raw_mce_pct'] == metrics['corruption/error_pct/fog']
    assert metrics['corruption/extra_pct'] == metrics['corruption/error_pct/saturate']
    order = np.random.default_rng(1).permutation(len(found))
    assert measured([found[i] for i in order]) == metrics


def test_a_cell_without_all_its_images_is_refused():
    found = list(samples())
    with pytest.raises(ValueError, match='fog at severity 1 has 11 of 12 images'):
        measured(found[1:])


def test_samples_of_other_data_are_refused():
    sample = DataSample().set_gt_label(1).set_pred_score(torch.ones(4) / 4)
    with pytest.raises(ValueError, match='CIFAR10C'):
        measured([sample])


def test_normalised_by_a_file_or_alexnet(tmp_path):
    file = tmp_path / 'bn.json'
    file.write_text(json.dumps(scorecards.make('bn', severities=(1, 5), images=12)))
    metrics = measured(samples(), CorruptionError(reference=str(file)))
    reference = json.loads(file.read_text())['summary']['corruption_error_pct']['fog']
    assert metrics['corruption/normalised_mce_pct'] == pytest.approx(
        100 * metrics['corruption/raw_mce_pct'] / reference
    )
    cells = [(name, severity) for name in BENCHMARK for severity in range(1, 6)]
    alexnet = CorruptionError(reference='alexnet')
    of_imagenet = dict(num_classes=1000, images=2)
    metrics = measured(samples(cells, 2), alexnet, **of_imagenet, source='released')
    assert metrics['corruption/normalised_mce_pct'] > 0
    # It was never scored on images that are generated here.
    with pytest.raises(ValueError, match='only for the released ImageNet-C'):
        measured(samples(cells, 2), alexnet, **of_imagenet)


@pytest.mark.parametrize(
    'reference, cells, said',
    [
        ('alexnet', CELLS, 'for the released ImageNet-C'),
        ('file', [('frost', 1), ('frost', 5)], 'does not have frost at severity 1'),
        ('file', [('fog', 1)], 'does not have the same severities'),
        ('missing', CELLS, 'result file missing does not exist'),
    ],
)
def test_a_reference_of_other_cells_is_refused(tmp_path, reference, cells, said):
    if reference == 'file':
        reference = str(tmp_path / 'bn.json')
        made = scorecards.make(
            'bn', corruptions=('fog', 'saturate'), severities=(1, 5), images=12
        )
        (tmp_path / 'bn.json').write_text(json.dumps(made))
    with pytest.raises((ValueError, FileNotFoundError), match=said):
        measured(samples(cells), CorruptionError(reference=reference))


def test_a_reference_of_other_images_is_refused(tmp_path):
    file = tmp_path / 'bn.json'
    file.write_text(json.dumps(scorecards.make('bn', severities=(1, 5), images=13)))
    with pytest.raises(ValueError, match='not scored on the same images: images is 12 in one'):
        measured(samples(), CorruptionError(reference=str(file)))


def test_a_reference_may_be_a_scorecard_and_nothing_that_is_no_result():
    made = scorecards.make('bn', severities=(1, 5), images=12)
    assert open_reference(Scorecard(made)) is made
    assert open_reference(None) is open_reference('alexnet') is None
    for other in (3, {}, dict(name='bn')):
        with pytest.raises(ValueError, match='reference must be None, .* got a (int|dict)'):
            open_reference(other)


def test_flat_leaves_out_what_is_not_known():
    with_clean = flat(scorecards.make()['summary'])
    without = flat(scorecards.make(clean=False)['summary'])
    assert with_clean.keys() - without.keys() == {
        'clean_error_pct', 'gap_pct', 'ece_clean_pct', 'rms_calibration_clean_pct'
    }  # fmt: skip
    assert all(isinstance(value, float) for value in with_clean.values())


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


@pytest.mark.parametrize('value', ['nan', 'inf'])
def test_scores_that_are_not_finite_are_no_scores(value):
    bad = torch.tensor([0.1, float(value), 0.2, 0.7])
    found = list(samples())
    found[7].set_pred_score(bad)
    with pytest.raises(ValueError, match='CorruptionError: .* no finite scores for 1 of 12 images'):
        measured(found)
    metric = DomainAccuracy()
    metric.dataset_meta = dict(domains=NAMES)
    for scores in (torch.eye(4)[0], bad):
        sample = DataSample(metainfo=dict(domain=0)).set_gt_label(0).set_pred_score(scores)
        metric.process({}, [sample.to_dict()])
    with pytest.raises(ValueError, match='DomainAccuracy: .* no finite scores for 1 of 2 images'):
        metric.evaluate(2)


def test_images_without_a_domain_are_refused():
    metric = DomainAccuracy()
    with pytest.raises(ValueError, match="without their domain: .*'domain' to the meta_keys"):
        metric.process({}, [DataSample().set_gt_label(0).set_pred_label(0).to_dict()])
