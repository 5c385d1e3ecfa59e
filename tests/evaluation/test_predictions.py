"""What a network said of each image, kept and read again; and the scores that follow from it."""

import json

import numpy as np
import pytest
import scorecards
from scipy.special import log_softmax, softmax
from sklearn.metrics import log_loss, top_k_accuracy_score

from mmct.evaluation import (
    adaptive_calibration_error,
    area_under_risk_coverage,
    brier_score,
    cell_score,
    classwise_calibration_error,
    confidence_scores,
    expected_calibration_error,
    fit_temperature,
    make_predictions,
    make_result,
    probability_scores,
    read_result,
    tempered,
    unpack_predictions,
)
from mmct.evaluation.predictions import pack


def draw(count=400, classes=10, seed=0, scale=3.0):
    """Logits of a network that is right more often than not, and labels."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, classes, count)
    logits = rng.normal(0, scale, (count, classes))
    logits[np.arange(count), labels] += 1.5 * scale
    return logits, labels


def predicted(logits, labels):
    logs = log_softmax(logits, 1)
    tops = np.argsort(-logs, 1)[:, :5]
    rows = np.arange(len(labels))
    return make_predictions(tops, logs[rows[:, None], tops], logs[rows, labels], logs.shape[1])


def cell(logits, labels, corruption=None, severity=0):
    predictions = predicted(logits, labels)
    hits, confidence = predictions.hits(labels), softmax(logits, 1).max(1)
    return cell_score(corruption, severity, hits, confidence, predictions)


@pytest.mark.parametrize('classes', [3, 6, 10, 1000])
def test_they_come_back_from_a_cell_as_they_were(classes):
    logits, labels = draw(classes=classes)
    made, kept = predicted(logits, labels), cell(logits, labels, 'fog', 3)
    read = unpack_predictions(json.loads(json.dumps(kept)))
    np.testing.assert_array_equal(read.classes, made.classes)
    np.testing.assert_array_equal(read.label_log_probability, made.label_log_probability)
    full = read.probabilities(labels)
    true = softmax(logits, 1)
    # Of up to six classes all are known, but for rounding; of more the tail is spread evenly.
    spread = 0.0 if classes <= 6 else np.sort(true, 1)[:, :-5].max()
    assert np.abs(full - true).max() <= spread + 5e-4
    np.testing.assert_allclose(full.sum(1), 1)


def test_they_are_small():
    logits, labels = draw(count=10_000)
    text = json.dumps(cell(logits, labels, 'fog', 1)['predictions'])
    assert len(text) < 30 * len(labels)


@pytest.mark.parametrize('key', ['classes', 'log_probabilities', 'label_log_probability'])
def test_damaged_ones_are_refused(key):
    logits, labels = draw()
    kept = cell(logits, labels, 'fog', 3)
    for bad in ('?', kept['predictions'][key][:-8], ''):
        with pytest.raises(ValueError, match='predictions of fog at severity 3 are damaged'):
            unpack_predictions({**kept, 'predictions': {**kept['predictions'], key: bad}})


def test_a_file_whose_predictions_are_anothers_is_refused(tmp_path):
    logits, labels = draw(count=40)
    data = dict(
        set='generated', source='generated', images=40, num_classes=10, labels_sha256='ab',
        categories=dict(weather=['fog']),
    )  # fmt: skip
    result = make_result(
        name='run', model=dict(weights_sha256='ab', fp16=False), data=data, labels=labels,
        clean=cell(logits, labels), cells=[cell(*draw(count=40), 'fog', 1)],
    )  # fmt: skip
    file = tmp_path / 'r.json'
    file.write_text(json.dumps(result))
    assert read_result(file) == json.loads(json.dumps(result))
    other = draw(count=40, seed=5)
    result['cells'][0]['predictions'] = cell(*other, 'fog', 1)['predictions']
    file.write_text(json.dumps(result))
    with pytest.raises(ValueError, match='predictions, labels and hits of fog at severity 1'):
        read_result(file)


def test_scores_by_other_libraries():
    logits, labels = draw()
    probabilities = softmax(logits, 1)
    one_hot = np.eye(10)[labels]
    expected = ((probabilities - one_hot) ** 2).sum(1).mean()
    assert brier_score(probabilities, labels) == pytest.approx(expected)
    bins = np.clip(np.ceil(probabilities * 15).astype(int) - 1, 0, 14)
    gaps = [
        abs((probabilities[:, k] - one_hot[:, k])[bins[:, k] == b].sum()) / 400
        for k in range(10)
        for b in range(15)
    ]
    classwise = classwise_calibration_error(probabilities, labels)
    assert classwise == pytest.approx(100 * sum(gaps) / 10, abs=1e-3)


def test_the_risk_of_the_surest_by_hand():
    confidence, hits = np.array([0.9, 0.8, 0.7, 0.6]), np.array([True, False, True, False])
    assert area_under_risk_coverage(confidence, hits) == pytest.approx(
        100 * np.mean([0, 1 / 2, 1 / 3, 2 / 4])
    )
    # Confidence that tells nothing leaves the error of all, whatever the order.
    assert area_under_risk_coverage(np.full(4, 0.5), hits) == pytest.approx(50)
    assert area_under_risk_coverage(confidence, np.ones(4, bool)) == 0


def test_bins_of_equal_mass_by_hand():
    confidence = np.array([0.5, 0.6, 0.7, 0.8, 0.9, 1.0])
    hits = np.array([False, True, True, True, True, False])
    # Gaps of three bins: 0.1, -0.5, 0.9 of two images each.
    assert adaptive_calibration_error(confidence, hits, bins=3) == pytest.approx(
        100 * (0.1 + 0.5 + 0.9) / 6
    )


def test_a_temperature_that_was_taken_away_is_found_again():
    rng = np.random.default_rng(0)
    logits, _ = draw(count=4000)
    probabilities = softmax(logits, 1)
    labels = (probabilities.cumsum(1) > rng.random((4000, 1))).argmax(1)
    sure = tempered(probabilities, 0.5)
    assert fit_temperature(sure, labels) == pytest.approx(2, rel=0.05)
    np.testing.assert_allclose(tempered(sure, 2), probabilities, atol=1e-6)
    hits = sure.argmax(1) == labels
    assert expected_calibration_error(sure.max(1), hits) > 5
    assert expected_calibration_error(tempered(sure, 2).max(1), hits) < 3


def test_a_result_alone_has_all_scores():
    clean, labels = draw()
    foggy = [clean + np.random.default_rng(s).normal(0, s, clean.shape) for s in (1, 2)]
    data = dict(
        set='generated', source='generated', images=400, num_classes=10, labels_sha256='ab',
        categories=dict(weather=['fog']),
    )  # fmt: skip
    result = make_result(
        name='run', model={}, data=data, labels=labels, clean=cell(clean, labels),
        cells=[cell(logits, labels, 'fog', s) for s, logits in enumerate(foggy, 1)],
    )  # fmt: skip
    found = probability_scores(result)
    probabilities = softmax(clean, 1)
    assert found['nll']['clean'] == pytest.approx(log_loss(labels, probabilities), abs=1e-3)
    right = top_k_accuracy_score(labels, clean, k=5)
    assert found['top5_error_pct']['clean'] == pytest.approx(100 * (1 - right))
    assert found['brier']['clean'] == pytest.approx(brier_score(probabilities, labels), abs=1e-3)
    losses = [log_loss(labels, softmax(logits, 1)) for logits in foggy]
    assert found['nll']['corrupted'] == pytest.approx(np.mean(losses), abs=2e-3)
    hot = probability_scores(result, temperature=4.0)
    assert hot['nll']['clean'] == pytest.approx(
        log_loss(labels, tempered(softmax(clean, 1), 4.0)), abs=0.05
    )
    assert hot['top5_error_pct'] == found['top5_error_pct']
    assert probability_scores({**result, 'labels': None}) is None


def test_the_likelihood_of_what_seemed_impossible_is_that_of_the_logits():
    logits = np.zeros((2, 10), np.float32)
    logits[:, 0] = 1000
    labels = np.ones(2, np.int64)
    result = scorecards.make(images=2, corruptions=('fog',), severities=(1,), clean=False)
    result |= dict(cells=[cell(logits, labels, 'fog', 1)], labels=pack(labels.astype(np.uint8)))
    assert probability_scores(result)['nll']['corrupted'] == pytest.approx(1000)
    assert probability_scores(result)['nll'] == confidence_scores(result)['nll']
