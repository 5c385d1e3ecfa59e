"""The digits are scikit-learn's, split once."""

import numpy as np
import pytest
from mmpretrain.registry import DATASETS
from sklearn.datasets import load_digits

from mmct.datasets import Digits


def test_both_splits_are_all_of_scikit_learns_images():
    parts = [Digits(split, pipeline=[]) for split in ('train', 'test')]
    assert [len(part) for part in parts] == [1347, 450]
    items = [part[i] for part in parts for i in range(len(part))]
    images = np.stack([item['img'] for item in items])
    assert images.dtype == np.uint8
    assert images.shape == (1797, 8, 8, 3)
    assert (images == images[..., :1]).all()
    digits = load_digits()
    np.testing.assert_allclose(images[..., 0] / 255 * 16, digits.images, atol=0.04)
    assert [item['gt_label'] for item in items] == digits.target.tolist()


def test_it_is_registered_with_its_classes():
    dataset = DATASETS.build(dict(type='Digits', split='test', pipeline=[]))
    assert dataset.CLASSES == tuple('0123456789')
    assert set(dataset.get_gt_labels()) == set(range(10))


def test_unknown_split():
    with pytest.raises(ValueError, match="'train' or 'test', but got 'val'"):
        Digits('val')
