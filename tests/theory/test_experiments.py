"""Risks and shares against hand computation and sampling; the claim, with numbers."""

import numpy as np
import pytest

from mmct.theory import (
    Setting,
    deviations,
    draw,
    excess_risk,
    hidden_scale,
    median_interval,
    min_norm,
    relu_features,
    ridgeless_errors,
    shares,
    sweep,
    sweep_two_layer,
)


def test_excess_risk_is_the_error_of_many_samples():
    rng = np.random.default_rng(0)
    root = rng.normal(size=(4, 4))
    weights, truth = rng.normal(size=(2, 4))
    inputs = rng.normal(size=(200_000, 4)) @ root.T
    sampled = np.mean((inputs @ weights - inputs @ truth) ** 2)
    assert excess_risk(weights, truth, root @ root.T) == pytest.approx(sampled, rel=0.02)
    diagonal = np.array([1.0, 4, 9, 0])
    assert excess_risk(weights, truth, diagonal) == pytest.approx(
        excess_risk(weights, truth, np.diag(diagonal))
    )
    with pytest.raises(ValueError, match='do not match'):
        excess_risk(weights, truth[:3], diagonal)


def test_collinear_features_share_the_fit_by_variance_or_evenly():
    rng = np.random.default_rng(0)
    sigma = np.array([1.0, 0.5, 0.1, 0.1])
    features = rng.normal(size=(8, 1)) * sigma
    targets = features[:, 0] * 3
    plain = shares(min_norm(features, targets), features)
    np.testing.assert_allclose(plain, sigma**2 / (sigma**2).sum())
    scale = deviations(features)
    np.testing.assert_allclose(shares(min_norm(features, targets, scale), features), 1 / 4)
    with pytest.raises(ValueError, match='fit of zero'):
        shares(np.zeros(4), features)


def test_a_draw_by_hand():
    """Isotropic features: least norm is a projection, with a risk of 1 - n/d on average."""
    setting = Setting(samples=10, features=40, ratio=1.0, low_signal=0.5)
    found = sweep([setting], 300)[0]
    plain, normalised = found[:, 0].mean(0)
    assert plain == pytest.approx(1 - 10 / 40, abs=0.02)
    # By deviations of 10 samples, which are not quite 1.
    assert plain < normalised < 0.85
    np.testing.assert_allclose(found[:, 2].mean(0), 0.5, atol=0.03)


def test_the_claim_where_low_variance_features_predict():
    in_domain, shifted, share = np.median(sweep([Setting()], 200)[0], axis=0)
    assert in_domain[1] < in_domain[0] / 2
    assert shifted[1] > 5 * shifted[0]
    assert share[1] > 5 * share[0]


def test_it_hurts_in_domain_where_they_do_not():
    in_domain, shifted, _ = np.median(sweep([Setting(low_signal=0)], 200)[0], axis=0)
    assert in_domain[0] == pytest.approx(0.33, abs=0.05)
    assert in_domain[1] == pytest.approx(0.69, abs=0.05)
    assert shifted[1] > 5 * shifted[0]


def test_per_layer_is_removal_and_per_channel_is_normalisation():
    found = sweep_two_layer([Setting(ratio=0.06)], 20)[0]
    np.testing.assert_allclose(found[:, 0], found[:, 1], rtol=1e-6)
    in_domain, shifted = np.median(found, axis=0).T
    assert in_domain[2] < in_domain[0]
    assert shifted[2] > 5 * shifted[0]
    hidden = np.random.default_rng(0).normal(size=(50, 6)) * [1, 1, 1, 0.1, 0.1, 0.1]
    assert np.ptp(hidden_scale(hidden, 'layer')) == 0
    np.testing.assert_allclose((hidden / hidden_scale(hidden, 'channel')).std(0), 1)
    with pytest.raises(ValueError, match='one of'):
        hidden_scale(hidden, 'batch')


def test_seeds_and_intervals():
    one, same, other = (sweep([Setting()], 20, seed) for seed in (0, 0, 1))
    np.testing.assert_array_equal(one, same)
    assert (one != other).any()
    median, low, high = median_interval(one[0])
    assert median.shape == (3, 2)
    assert (low <= median).all() and (median <= high).all() and (low < high).all()
    assert draw(Setting(), np.random.default_rng(0)).in_domain.shape == (2,)


@pytest.mark.parametrize(
    'settings', [dict(features=7), dict(samples=1), dict(ratio=0), dict(low_signal=2)]
)
def test_settings_that_make_no_sense_are_refused(settings):
    with pytest.raises(ValueError):
        Setting(**settings)


def test_ridgeless_errors_on_separable_images():
    rng = np.random.default_rng(0)
    labels = np.arange(300) % 3
    pixels = np.eye(3)[labels].repeat(4, 1) + 0.02 * rng.normal(size=(300, 12))
    tests = dict(same=(pixels[200:], labels[200:]), shuffled=(pixels[200:], labels[200:] * 0))
    for features in (None, 40):
        found = ridgeless_errors((pixels[:200], labels[:200]), tests, 30, features, rng)
        assert (found['same'] < 0.05).all()
        np.testing.assert_allclose(found['shuffled'], 2 / 3, atol=0.05)
    assert relu_features(pixels, 7, rng).min() == 0
