"""Calibration errors against torchmetrics, scikit-learn and a plain loop."""

import numpy as np
import pytest
import torch
from sklearn.calibration import calibration_curve
from torchmetrics.functional.classification import multiclass_calibration_error

from mmct.evaluation import expected_calibration_error, rms_calibration_error


def predictions(count, seed=0):
    rng = np.random.default_rng(seed)
    logits = torch.from_numpy(rng.normal(0, 2, (count, 10)))
    scores = logits.softmax(1)
    labels = torch.from_numpy(rng.integers(0, 10, count))
    confidence, top = scores.max(1)
    return scores, labels, confidence.numpy(), (top == labels).numpy()


@pytest.mark.parametrize('bins', [5, 15])
@pytest.mark.parametrize('count', [1, 37, 1000])
def test_ece_is_that_of_torchmetrics(count, bins):
    scores, labels, confidence, hits = predictions(count)
    expected = multiclass_calibration_error(scores, labels, 10, n_bins=bins, norm='l1')
    found = expected_calibration_error(confidence, hits, bins)
    assert found == pytest.approx(100 * float(expected), abs=1e-3)


def test_ece_from_scikit_learns_curve():
    _, _, confidence, hits = predictions(1000)
    accuracy, mean = calibration_curve(hits, confidence, n_bins=15)
    counts = np.histogram(confidence, 15, (0, 1))[0]
    expected = np.abs(accuracy - mean) @ counts[counts > 0] / 1000
    assert expected_calibration_error(confidence, hits) == pytest.approx(100 * expected, abs=1e-3)


@pytest.mark.parametrize('count', [1, 99, 100, 250, 1000])
def test_rms_by_a_plain_loop(count):
    _, _, confidence, hits = predictions(count)
    pairs = sorted(zip(confidence, hits, strict=True))
    bins = [pairs[start:start + 100] for start in range(0, count, 100)]
    if len(bins) > 1 and len(bins[-1]) < 100:
        rest = bins.pop()
        bins[-1] = bins[-1] + rest
    squares = [len(b) * np.mean([c - h for c, h in b]) ** 2 for b in bins]
    expected = 100 * np.sqrt(sum(squares) / count)
    assert rms_calibration_error(confidence, hits) == pytest.approx(expected, abs=1e-3)


def test_by_hand():
    # 0.9 with one of two right, 0.3 with none of two.
    confidence, hits = np.array([0.9, 0.9, 0.3, 0.3]), np.array([True, False, False, False])
    assert expected_calibration_error(confidence, hits) == pytest.approx(100 * (0.4 + 0.3) / 2)
    assert rms_calibration_error(confidence, hits, 2) == pytest.approx(
        100 * np.sqrt((0.4**2 + 0.3**2) / 2)
    )
    assert rms_calibration_error(np.ones(300), np.ones(300, bool)) == 0


def test_rounding_in_the_network_moves_no_image_to_another_bin():
    _, _, confidence, hits = predictions(1000)
    confidence = np.round(confidence, 2)  # many images of one confidence
    noise = np.random.default_rng(1).uniform(-4e-8, 4e-8, 1000)
    for error in (expected_calibration_error, rms_calibration_error):
        assert error(confidence + noise, hits) == error(confidence, hits)


@pytest.mark.parametrize(
    'confidence, hits',
    [([0.5], [True, False]), ([], []), ([1.2], [True]), ([[0.5]], [[True]]), ([np.nan], [True])],
)
def test_other_arrays_are_refused(confidence, hits):
    for error in (expected_calibration_error, rms_calibration_error):
        with pytest.raises(ValueError):
            error(np.array(confidence), np.array(hits))


def test_a_confidence_on_an_edge_belongs_to_the_bin_below():
    # Of five bins (0, 0.2] has the first image and (0.2, 0.4] the second: gaps of 0.8 and 0.3.
    found = expected_calibration_error(np.array([0.2, 0.3]), np.array([True, False]), bins=5)
    assert found == pytest.approx(55)
