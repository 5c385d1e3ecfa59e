"""The closed forms: they interpolate, have least norm, and change with what they should."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.optimize import minimize

from mmct.theory import (
    Setting,
    deviations,
    excess_risk,
    gradient_descent,
    median_interval,
    min_norm,
    relu_features,
    ridgeless_errors,
    shares,
    sweep,
    two_layer,
)

sizes = st.tuples(st.integers(2, 6), st.integers(7, 14))


@st.composite
def problems(draw, shape=sizes):
    """Well-conditioned features, targets, and scales from 0.1 to 10."""
    samples, count = draw(shape)
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    features = rng.normal(size=(samples, count)) * rng.uniform(0.3, 3, count)
    exponents = draw(arrays(float, count, elements=st.floats(-1, 1)))
    return features, rng.normal(size=samples), 10**exponents, rng


@settings(max_examples=60, deadline=None, derandomize=True)
@given(problems())
def test_they_interpolate_and_none_that_does_is_shorter(problem):
    features, targets, scale, rng = problem
    for scaling in (None, scale):
        weights = min_norm(features, targets, scaling)
        np.testing.assert_allclose(features @ weights, targets, atol=1e-8)
        metric = np.ones(len(weights)) if scaling is None else scaling
        # Any other interpolating solution differs by a vector that features do not see.
        null = np.linalg.svd(features)[2][len(targets):]
        for other in weights + rng.normal(size=(5, len(null))) @ null:
            np.testing.assert_allclose(features @ other, targets, atol=1e-8)
            assert np.linalg.norm(metric * other) > np.linalg.norm(metric * weights)


@settings(max_examples=30, deadline=None, derandomize=True)
@given(problems())
def test_gradient_descent_from_zero_reaches_them(problem):
    features, targets, scale, _ = problem
    for scaling in (None, scale):
        scaled = features if scaling is None else features / scaling
        if np.linalg.cond(scaled) > 30:
            continue  # it would take long; the refusal has a test of its own
        found = gradient_descent(features, targets, scaling)
        expected = min_norm(features, targets, scaling)
        assert np.abs(found - expected).max() <= 1e-6 * max(1, np.abs(expected).max())


@settings(max_examples=60, deadline=None, derandomize=True)
@given(problems(), st.floats(0.01, 100))
def test_rescaling_a_feature_changes_only_the_plain_one(problem, factor):
    features, targets, _, rng = problem
    tests = rng.normal(size=(20, features.shape[1]))
    units = np.ones(features.shape[1])
    units[0] = factor

    def predictions(features, tests, normalised):
        scale = deviations(features) if normalised else None
        return tests @ min_norm(features, targets, scale)

    one, other = (predictions(features * u, tests * u, True) for u in (1, units))
    np.testing.assert_allclose(one, other, atol=1e-7, rtol=1e-6)
    one, other = (predictions(features * u, tests * u, False) for u in (1, units))
    # Below what rounding makes of it only where the factor is next to 1.
    if abs(np.log(factor)) > 0.1:
        assert np.abs(one - other).max() > 1e-6
    # One factor for all, as a layer's, changes neither.
    one, other = (predictions(features * u, tests * u, False) for u in (1, factor))
    np.testing.assert_allclose(one, other, atol=1e-7, rtol=1e-6)


@settings(max_examples=30, deadline=None, derandomize=True)
@given(problems())
def test_a_rotation_turns_the_plain_one_along(problem):
    features, targets, _, rng = problem
    turn = np.linalg.qr(rng.normal(size=(features.shape[1],) * 2))[0]
    plain = min_norm(features, targets)
    np.testing.assert_allclose(min_norm(features @ turn, targets), turn.T @ plain, atol=1e-8)
    normalised, turned = (
        min_norm(f, targets, deviations(f)) for f in (features, features @ turn)
    )
    assert np.abs(turned - turn.T @ normalised).max() > 1e-6


def test_the_formula_of_the_docs():
    rng = np.random.default_rng(0)
    features, targets, scale = rng.normal(size=(5, 9)), rng.normal(size=5), rng.uniform(1, 3, 9)
    inverse = np.diag(1 / scale**2)
    expected = inverse @ features.T @ np.linalg.solve(features @ inverse @ features.T, targets)
    np.testing.assert_allclose(min_norm(features, targets, scale), expected)
    found = minimize(
        lambda w: np.sum((scale * w) ** 2), np.zeros(9), method='SLSQP', options=dict(maxiter=500),
        constraints=dict(type='eq', fun=lambda w: features @ w - targets),
    )  # fmt: skip
    np.testing.assert_allclose(min_norm(features, targets, scale), found.x, atol=1e-4)


def test_with_more_samples_than_features_the_scale_does_not_matter():
    rng = np.random.default_rng(0)
    features, targets = rng.normal(size=(30, 4)), rng.normal(size=(30, 2))
    expected = np.linalg.lstsq(features, targets, rcond=None)[0]
    for scale in (None, rng.uniform(0.1, 10, 4)):
        np.testing.assert_allclose(min_norm(features, targets, scale), expected, atol=1e-10)
        np.testing.assert_allclose(
            gradient_descent(features, targets, scale), expected, atol=1e-6
        )


def test_deficient_rank_has_least_norm_among_least_squares():
    rng = np.random.default_rng(0)
    features = rng.normal(size=(20, 3)) @ rng.normal(size=(3, 8))
    targets, scale = rng.normal(size=20), rng.uniform(0.5, 2, 8)
    for scaling in (None, scale):
        weights = min_norm(features, targets, scaling)
        best = np.linalg.lstsq(features, targets, rcond=None)
        np.testing.assert_allclose(features @ weights, features @ best[0], atol=1e-8)
        metric = np.ones(8) if scaling is None else scaling
        null = np.linalg.svd(features)[2][3:]
        # Orthogonal, in its metric, to all that features do not see.
        np.testing.assert_allclose(null @ (metric**2 * weights), 0, atol=1e-8)
        np.testing.assert_allclose(
            gradient_descent(features, targets, scaling), weights, atol=1e-6
        )


def test_a_constant_feature_has_no_weight_when_normalised():
    rng = np.random.default_rng(0)
    features = rng.normal(size=(5, 9))
    features[:, 2] = 1 / 3
    targets = rng.normal(size=5)
    scale = deviations(features)
    assert scale[2] == 0 and (np.delete(scale, 2) > 0).all()
    weights = min_norm(features, targets, scale)
    assert weights[2] == 0
    np.testing.assert_allclose(features @ weights, targets)
    without = min_norm(np.delete(features, 2, 1), targets, np.delete(scale, 2))
    np.testing.assert_allclose(np.delete(weights, 2), without)
    np.testing.assert_allclose(gradient_descent(features, targets, scale), weights, atol=1e-6)


def test_an_ill_conditioned_problem_is_solved_by_the_closed_form_alone():
    rng = np.random.default_rng(0)
    features = rng.normal(size=(6, 6)) * np.logspace(0, -6, 6)
    targets = rng.normal(size=6)
    np.testing.assert_allclose(features @ min_norm(features, targets), targets, atol=1e-6)
    with pytest.raises(RuntimeError, match=r'condition number is .*e\+0.*use min_norm'):
        gradient_descent(features, targets, max_steps=1000)
    # Normalised it is easy.
    scale = deviations(features)
    np.testing.assert_allclose(
        gradient_descent(features, targets, scale), min_norm(features, targets, scale), rtol=1e-5
    )


@pytest.mark.parametrize(
    'features, targets, scale, said',
    [
        (np.ones(3), np.ones(3), None, 'features must be'),
        (np.ones((2, 3)), np.ones(3), None, 'features must be'),
        (np.ones((2, 3)), np.ones(2), np.ones(2), 'scale must be'),
        (np.ones((2, 3)), np.ones(2), -np.ones(3), '0 or more'),
        (np.full((2, 3), np.nan), np.ones(2), None, 'finite'),
    ],
)
def test_what_is_no_problem_is_refused(features, targets, scale, said):
    for solve in (min_norm, gradient_descent):
        with pytest.raises(ValueError, match=said):
            solve(features, targets, scale)


EYE, ONES, NAN = np.eye(2), np.ones(2), np.array([1, np.nan])
RNG = np.random.default_rng(0)


@pytest.mark.parametrize(
    'function, arguments',
    [
        (deviations, [ONES]),
        (deviations, [[NAN]]),
        (min_norm, [EYE, NAN]),
        (min_norm, [EYE, ONES, -ONES]),
        (gradient_descent, [EYE, ONES, None, 0.0]),
        (gradient_descent, [EYE, ONES, None, 1e-12, 0.5]),
        (excess_risk, [NAN, ONES, ONES]),
        (excess_risk, [EYE, EYE, EYE]),
        (shares, [ONES, np.eye(3)]),
        (shares, [NAN, EYE]),
        (Setting, [20, 61]),
        (Setting, [2.5, 60]),
        (Setting, [20, 60, np.inf]),
        (sweep, [[Setting()], 0]),
        (two_layer, [Setting(), RNG, 3]),
        (relu_features, [EYE, 0, RNG]),
        (ridgeless_errors, [(EYE, [0, 1]), {}, 3, None, RNG]),
        (ridgeless_errors, [(EYE, [0, 1, 1]), {}, 2, None, RNG]),
        (median_interval, [[1.0]]),
        (median_interval, [[1.0, np.nan]]),
    ],
    ids=lambda value: getattr(value, '__name__', ''),
)
def test_what_cannot_be_meant_is_refused(function, arguments):
    with pytest.raises(ValueError) as error:
        function(*arguments)
    assert '\n' not in str(error.value)
