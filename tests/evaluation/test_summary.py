"""Intervals against SciPy's, and against what they promise."""

import numpy as np
import pytest
from scipy.stats import bootstrap

from mmct.evaluation import mean_interval


@pytest.mark.parametrize('level', [0.9, 0.95])
@pytest.mark.parametrize('kind', ['errors', 'floats'])
def test_intervals_are_those_of_scipy(kind, level):
    rng = np.random.default_rng(0)
    values = rng.binomial(75, rng.beta(2, 5, 500)) * 100 / 75
    if kind == 'floats':
        values = rng.normal(20, 5, 500)
    found = mean_interval(values, level)
    expected = bootstrap(
        (values,), np.mean, confidence_level=level, n_resamples=10_000, method='percentile',
        rng=np.random.default_rng(1),
    ).confidence_interval  # fmt: skip
    width = expected.high - expected.low
    # Both have a Monte Carlo error, of about a hundredth of the width.
    np.testing.assert_allclose(found, expected, atol=0.06 * width)


def test_it_covers_the_truth_about_as_often_as_it_says():
    rng = np.random.default_rng(0)
    covered = 0
    for seed in range(300):
        values = 100.0 * (rng.random(200) < 0.3)
        low, high = mean_interval(values, resamples=500, seed=seed)
        covered += low <= 30 <= high
    # 95 %, with three standard errors of 300 tries, and what it lacks at 200 images.
    assert 0.9 < covered / 300 < 0.99


def test_equal_runs_have_no_difference():
    assert mean_interval(np.zeros(50)) == (0, 0)


def test_paired_is_narrower_than_unpaired():
    rng = np.random.default_rng(0)
    difficulty = rng.random(400)
    one, other = (100.0 * (difficulty + 0.1 * rng.random(400) > t) for t in (0.6, 0.65))
    low, high = mean_interval(one - other)
    alone = np.diff(mean_interval(one))[0]
    assert high - low < alone / 2
    assert 0 < low


def test_same_seed_same_interval_in_blocks_too():
    values = np.random.default_rng(0).normal(size=2000)  # 5 blocks of draws at most
    assert mean_interval(values) == mean_interval(values)
    assert mean_interval(values) != mean_interval(values, seed=1)


@pytest.mark.parametrize('values, level', [([], 0.95), ([1.0], 1.0), ([[1.0]], 0.95)])
def test_no_values_or_no_level_are_refused(values, level):
    with pytest.raises(ValueError, match='values must be'):
        mean_interval(np.array(values), level)
