"""Means over tables of errors, against sums done by hand."""

import pytest

from mmct.corruptions import BENCHMARK
from mmct.evaluation import (
    ALEXNET,
    category_means,
    corruption_means,
    normalised_mce,
    raw_mce,
    relative_mce,
)

# Two severities; by hand:
#            1     2    mean   reference   ratio
# fog       10    30    20      40          0.5
# snow      20    40    30      20          1.5
# pixelate   0    10     5      50          0.1
TABLE = dict(fog=[10, 30], snow=[20, 40], pixelate=[0, 10])
REFERENCE = dict(fog=40.0, snow=20.0, pixelate=50.0)


def test_by_hand():
    assert corruption_means(TABLE) == dict(fog=20, snow=30, pixelate=5)
    assert raw_mce(TABLE) == pytest.approx(55 / 3)
    assert normalised_mce(TABLE, REFERENCE) == pytest.approx(100 * 2.1 / 3)
    # Gaps to clean errors of 4 and 10: 16 / 30, 26 / 10, 1 / 40.
    expected = 100 * (16 / 30 + 26 / 10 + 1 / 40) / 3
    assert relative_mce(TABLE, 4, REFERENCE, 10) == pytest.approx(expected)
    kinds = dict(weather=('snow', 'frost', 'fog'), digital=('pixelate',), noise=('shot_noise',))
    assert category_means(TABLE, kinds) == dict(weather=25, digital=5)


def test_alexnet_normalised_by_itself_is_100():
    errors = {name: [ALEXNET.means[name]] * 5 for name in BENCHMARK}
    assert normalised_mce(errors, ALEXNET.means) == pytest.approx(100)
    assert relative_mce(errors, ALEXNET.clean, ALEXNET.means, ALEXNET.clean) == pytest.approx(100)


def test_alexnets_published_corruption_errors():
    # As rounded in table 1 of the paper (arXiv 1903.12261), where ResNet-18 has 84.7.
    assert [round(ALEXNET.means[name]) for name in ('brightness', 'impulse_noise')] == [56, 92]
    assert set(ALEXNET.means) == set(BENCHMARK)


@pytest.mark.parametrize(
    'table, reference, said',
    [
        ({}, {}, 'no errors'),
        (dict(fog=[1, 2], snow=[1]), REFERENCE, 'snow has 1 severities but fog has 2'),
        (dict(frost=[1, 2]), REFERENCE, 'the reference has no frost'),
        (dict(fog=[1, 2]), dict(fog=0.0), 'cannot be divided by'),
        (dict(fog=[1, 2]), dict(fog=float('nan')), "reference's error of fog must be a percentage"),
        (dict(fog=[1, 101]), REFERENCE, 'error of fog must be a percentage from 0 to 100, .*101'),
        (dict(fog=[True]), REFERENCE, 'error of fog must be a percentage .*True'),
    ],
)
def test_what_cannot_be_averaged_is_refused(table, reference, said):
    with pytest.raises(ValueError, match=said):
        normalised_mce(table, reference)


@pytest.mark.parametrize('mean', [9.0, 10.0, 12.0])
def test_a_reference_that_is_hardly_worse_has_no_relative_error(mean):
    with pytest.raises(ValueError, match='relative mCE needs 5: compare raw mCE'):
        relative_mce(dict(fog=[30]), 10, dict(fog=mean), 10)
    with pytest.raises(ValueError, match='clean error must be a percentage'):
        relative_mce(dict(fog=[30]), 10, dict(fog=40), -1)
