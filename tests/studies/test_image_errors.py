"""How often each image was wrong, as results of studies keep it."""

import json

import numpy as np
import pytest
import scorecards

from mmct.corruptions import BENCHMARK, CATEGORIES, EXTRA
from mmct.evaluation import unpack_hits
from mmct.records import check
from mmct.studies.image_errors import WrongByImage, errors_of_images, wrong_by_image


def kept(result):
    """As it is read from a file."""
    value = json.loads(json.dumps(wrong_by_image(result)))
    check(value, WrongByImage)
    return value


COLUMNS = [
    ['clean_error_pct'], ['raw_mce_pct'], ['gap_pct'],
    *(['categories_pct', kind] for kind in CATEGORIES if kind != 'extra'),
]  # fmt: skip


@pytest.mark.parametrize('severities', [(1, 2, 3, 4, 5), (1, 3, 5)])
@pytest.mark.parametrize('keys', COLUMNS, ids='.'.join)
def test_means_over_images_are_the_numbers_of_the_score(keys, severities):
    # Extra corruptions are there, and in no mean.
    result = scorecards.make(severities=severities, images=203)
    number = result['summary']
    for key in keys:
        number = number[key]
    errors = errors_of_images(kept(result), keys)
    assert errors.shape == (203,)
    assert errors.mean() == pytest.approx(number, abs=1e-9)


def test_each_image_has_its_own():
    result = scorecards.make()
    wrong = {(c['corruption'], c['severity']): ~unpack_hits(c) for c in result['cells']}
    noise = [hits for (name, _), hits in wrong.items() if name in CATEGORIES['noise']]
    main = [hits for (name, _), hits in wrong.items() if name in BENCHMARK]
    assert (len(noise), len(main)) == (15, 75)
    value, clean = kept(result), ~unpack_hits(result['clean'])
    for keys, expected in (
        (['categories_pct', 'noise'], np.mean(noise, 0)),
        (['raw_mce_pct'], np.mean(main, 0)),
        (['clean_error_pct'], clean),
        (['gap_pct'], np.mean(main, 0) - clean),
    ):
        np.testing.assert_allclose(errors_of_images(value, keys), 100 * expected)


def test_of_extra_corruptions_alone_the_mean_is_over_these():
    result = scorecards.make(corruptions=EXTRA)
    errors = errors_of_images(kept(result), ['raw_mce_pct'])
    assert errors.mean() == pytest.approx(result['summary']['raw_mce_pct'])


@pytest.mark.parametrize(
    'path',
    ['ece_pct.clean', 'corruption_error_pct.fog', 'categories_pct', 'categories_pct.c_bar',
     'categories_pct.noise.x', 'images', ''],
)  # fmt: skip
def test_of_other_numbers_nothing_is_known_image_by_image(path):
    assert errors_of_images(kept(scorecards.make()), path.split('.')) is None


def test_it_is_small():
    result = scorecards.make(images=2000)
    assert len(json.dumps(wrong_by_image(result))) < 7500


def test_all_counts_from_none_to_all_cells_are_kept():
    always, never = scorecards.make(skill=5), scorecards.make(skill=-5)
    for result, error in ((always, 0), (never, 100)):
        assert (errors_of_images(kept(result), ['raw_mce_pct']) == error).all()


@pytest.mark.parametrize(
    ('change', 'said'),
    [
        (lambda v: v['clean'].update(counts='%'), 'clean are damaged'),
        (lambda v: v['clean'].update(counts='\u00e4'), 'clean are damaged'),
        (lambda v: v['clean'].update(counts=''), 'do not have 40 images and 1 cells'),
        (lambda v: v['clean'].update(counts=3), 'clean.counts'),
        (lambda v: v['categories']['noise'].update(cells=20), 'do not have 40 images'),
        # As many digits, but less than some image was wrong.
        (lambda v: v['categories']['noise'].update(cells=8), r'wrong \d+ times in 8 cells'),
        (lambda v: v['categories']['noise'].update(cells=10**30), 'noise.cells'),
        (lambda v: v['categories']['noise'].update(cells=0), 'noise.cells'),
        (lambda v: v['categories'].clear(), 'categories'),
        (lambda v: v.update(images=41), 'do not have 41 images'),
        (lambda v: v.update(images=10**30), 'images'),
        (lambda v: v.update(images=0), 'images'),
        (lambda v: v.pop('labels_sha256'), 'labels_sha256'),
    ],
)
def test_what_is_damaged_is_refused(change, said):
    value = wrong_by_image(scorecards.make())
    check(value, WrongByImage)
    change(value)
    with pytest.raises(ValueError, match=said):
        check(value, WrongByImage)
