"""The standard error over seeds and images: by analysis of variance, and against the truth."""

import numpy as np
import pytest
from scipy.stats import t

from mmct.evaluation.crossed import crossed_error


def drawn(rng, seeds, images, seed_sd, image_sd, residual_sd):
    """A table whose mean is 0 in truth."""
    rows, columns = rng.standard_normal((seeds, 1)), rng.standard_normal((1, images))
    residuals = rng.standard_normal((seeds, images))
    return seed_sd * rows + image_sd * columns + residual_sd * residuals


def covered(tables, error=crossed_error):
    """How often the 95 % interval has the truth."""
    means, found = [table.mean() for table in tables], [error(table) for table in tables]
    errors, freedoms = np.array(found).T
    return (np.abs(means) <= errors * t.ppf(0.975, freedoms)).mean()


def seeds_alone(table):
    means = table.mean(1)
    return means.std(ddof=1) / len(means) ** 0.5, len(means) - 1


def test_by_hand():
    # Means of seeds 1 and 5, of images 2 and 4, no residuals: 8 / 2 and 2 / 2.
    error, freedom = crossed_error([[0, 2], [4, 6]])
    assert error == pytest.approx(5**0.5)
    assert freedom == pytest.approx(5**2 / (4**2 / 1 + 1**2 / 1))


def test_it_is_that_of_the_analysis_of_variance():
    rng = np.random.default_rng(0)
    seeds, images = 4, 30
    y = drawn(rng, seeds, images, 1, 2, 1) + 7
    # Sums of squares that each factor takes from the residuals of a linear model.
    row, column = (place.ravel() for place in np.indices(y.shape))
    one, by_row = np.ones((y.size, 1)), np.eye(seeds)[row]
    by_column = np.eye(images)[column]

    def left(*parts):
        design = np.hstack([one, *parts])
        fit = design @ np.linalg.lstsq(design, y.ravel(), rcond=None)[0]
        return ((y.ravel() - fit) ** 2).sum()

    free = np.array([seeds - 1, images - 1, (seeds - 1) * (images - 1)])
    residual = left(by_row, by_column)
    squares = np.array([left() - left(by_row), left(by_row) - residual, residual]) / free
    part = np.array([1, 1, -1]) * squares / y.size
    error, freedom = crossed_error(y)
    assert error**2 == pytest.approx(part.sum())
    assert freedom == pytest.approx(part.sum() ** 2 / (part**2 / free).sum())


@pytest.mark.parametrize('seeds', [3, 5, 10])
@pytest.mark.parametrize(
    'deviations',
    [
        (1, 0, 1),  # images are all alike
        (0, 1, 1),  # seeds are all alike
        (0.1, 1, 1),  # of 200 images: seeds and images count as much
        (0.05, 1, 0.3),
        (0.05, 0.3, 1),
    ],
)
def test_it_covers_the_truth_as_often_as_it_says(seeds, deviations):
    rng = np.random.default_rng(0)
    # Of 2000 tries the share has a standard error of half a percent.
    share = covered([drawn(rng, seeds, 200, *deviations) for _ in range(2000)])
    assert 0.93 < share < 0.98


@pytest.mark.parametrize(('seeds', 'least'), [(2, 0.87), (3, 0.91), (5, 0.92), (10, 0.93)])
def test_it_covers_least_where_seeds_count_a_few_times_as_much_as_images(seeds, least):
    rng = np.random.default_rng(0)
    assert least < covered([drawn(rng, seeds, 200, 0.3, 1, 1) for _ in range(2000)]) < 0.97


@pytest.mark.parametrize('seeds', [3, 5, 10])
def test_of_errors_that_are_right_or_wrong_too(seeds):
    rng = np.random.default_rng(1)

    def table():
        logit = drawn(rng, seeds, 300, 0.2, 2, 0) - 1
        return 1.0 * (rng.random(logit.shape) < 1 / (1 + np.exp(-logit)))

    # Over many seeds and images.
    logits = 0.2 * rng.standard_normal(10**6) + 2 * rng.standard_normal(10**6) - 1
    truth = (1 / (1 + np.exp(-logits))).mean()
    assert 0.93 < covered([table() - truth for _ in range(2000)]) < 0.98


@pytest.mark.parametrize(('seeds', 'below'), [(3, 0.9), (5, 0.8), (10, 0.65)])
def test_where_images_count_most_the_error_of_seeds_alone_is_too_small(seeds, below):
    rng = np.random.default_rng(0)
    tables = [drawn(rng, seeds, 200, 0.05, 1, 1) for _ in range(1000)]
    assert covered(tables, seeds_alone) < below
    assert covered(tables) > 0.93


def test_seeds_with_images_of_their_own_are_covered_all_the_same():
    rng = np.random.default_rng(0)
    tables = [rng.standard_normal((5, 200)) + 0.1 * rng.standard_normal((5, 1))
              for _ in range(2000)]  # fmt: skip
    assert 0.93 < covered(tables) < 0.98


@pytest.mark.parametrize('deviations', [(0, 0, 1), (1, 0, 1), (0, 1, 1)])
def test_it_is_no_smaller_than_either_error_alone(deviations):
    rng = np.random.default_rng(0)
    clipped = 0
    for _ in range(200):
        table = drawn(rng, 3, 20, *deviations)
        error, alone = crossed_error(table)[0], max(seeds_alone(table)[0], seeds_alone(table.T)[0])
        assert error >= alone * (1 - 1e-9)
        clipped += error == pytest.approx(alone)
    # And not always more: the residuals are in both of them.
    assert clipped


def test_without_variance_there_is_no_error():
    error, freedom = crossed_error(np.full((3, 4), 90.0))
    assert error == 0 and freedom > 0


@pytest.mark.parametrize('shape', [(1, 5), (5, 1), (5,), (0, 0), (2, 2, 2)])
def test_other_shapes_are_refused(shape):
    with pytest.raises(ValueError, match='at least two seeds and images'):
        crossed_error(np.zeros(shape))
