"""The table of severities and the layout follow from the images' sizes."""

import numpy as np
import pytest

from mmct.corruption_sets.making import layout_for, table_for
from mmct.corruption_sets.scan import Scan
from mmct.runs import CTError


def scan_of(*sizes, images=3):
    rows = np.arange(images)
    digests = np.zeros((images, 32), np.uint8)
    return Scan(rows, rows, digests, rows.astype(np.uint64), set(sizes))


def choose(sizes, table=None, layout=None):
    scan = scan_of(*sizes)
    return table_for(scan, table), layout_for(scan, layout)


@pytest.mark.parametrize(
    'sizes, asked, expected',
    [
        ([(32, 32)], {}, ('cifar', 'arrays')),
        ([(224, 224)], {}, ('imagenet', 'folders')),
        ([(224, 224)], dict(layout='arrays'), ('imagenet', 'arrays')),
        ([(32, 30), (30, 32)], {}, ('cifar', 'folders')),
        ([(64, 64)], {}, ('tiny_imagenet', 'arrays')),
        ([(64, 64)], dict(table='imagenet'), ('imagenet', 'arrays')),
        ([(127, 128)], dict(table='imagenet'), ('imagenet', 'folders')),
        ([(64, 64)], dict(table='cifar', layout='folders'), ('cifar', 'folders')),
    ],
)
def test_by_size(sizes, asked, expected):
    assert choose(sizes, **asked) == expected


@pytest.mark.parametrize(
    'sizes, asked, message',
    [
        ([(30, 30), (200, 200)], {}, 'severity tables .cifar, imagenet.: choose one'),
        ([(30, 30), (31, 30)], dict(layout='arrays'), 'from 30 x 30 to 31 x 30 px'),
        ([(4, 4)], {}, 'too small.*; or resize'),
    ],
)
def test_refused(sizes, asked, message):
    with pytest.raises(CTError, match=message):
        choose(sizes, **asked)
