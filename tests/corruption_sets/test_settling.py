"""The table of severities and the layout follow from the images' sizes."""

from pathlib import Path

import numpy as np
import pytest

from mmct.corruption_sets import Request
from mmct.corruption_sets.making import settle
from mmct.corruption_sets.recipe import parts
from mmct.corruption_sets.scan import Scan
from mmct.runs import CTError


def scan_of(*sizes, images=3):
    rows = np.arange(images)
    digests = np.zeros((images, 32), np.uint8)
    return Scan(rows, rows, digests, rows.astype(np.uint64), set(sizes))


@pytest.mark.parametrize(
    'sizes, options, expected',
    [
        ([(32, 32)], {}, ('cifar', 'arrays')),
        ([(224, 224)], {}, ('imagenet', 'folders')),
        ([(224, 224)], dict(layout='arrays'), ('imagenet', 'arrays')),
        ([(32, 30), (30, 32)], {}, ('cifar', 'folders')),
        ([(64, 64)], dict(table='imagenet'), ('imagenet', 'arrays')),
        ([(127, 128)], dict(table='imagenet'), ('imagenet', 'folders')),
    ],
)
def test_by_size(sizes, options, expected):
    settled = settle(Request(Path('x'), **options), scan_of(*sizes), None)
    assert (settled['table'], settled['layout']) == expected


def test_what_was_settled_by_an_earlier_run_is_kept():
    earlier = dict(table='cifar', layout='folders')
    settled = settle(Request(Path('x')), scan_of((64, 64)), earlier)
    assert {key: settled[key] for key in earlier} == earlier


@pytest.mark.parametrize(
    'sizes, options, message',
    [
        ([(64, 64)], {}, 'with --table; or resize'),
        ([(30, 30), (200, 200)], {}, 'choose one --table'),
        ([(30, 30), (31, 30)], dict(layout='arrays'), 'from 30 x 30 to 31 x 30 px'),
        ([(4, 4)], {}, 'too small'),
    ],
)
def test_refused(sizes, options, message):
    with pytest.raises(CTError, match=message):
        settle(Request(Path('x'), **options), scan_of(*sizes), None)


@pytest.mark.parametrize('size, lengths', [((8, 8), [256, 44]), ((256, 128), [16] * 18 + [12])])
def test_parts_are_small_and_cover_all(size, lengths):
    cut = list(parts(scan_of(size, images=300)))
    assert [len(part.indices) for part in cut] == lengths
    assert [part.number for part in cut] == list(range(len(lengths)))
    np.testing.assert_array_equal(np.concatenate([part.indices for part in cut]), range(300))
