"""Views of a batch, put one after the other."""

import pytest
import torch
from mmpretrain.registry import MODELS
from mmpretrain.structures import DataSample

SETTINGS = dict(mean=[1, 2, 3], std=[4, 5, 6], to_rgb=True, num_classes=3)


def both():
    return (
        MODELS.build(dict(type=f'{kind}DataPreprocessor', **SETTINGS))
        for kind in ('MultiView', 'Cls')
    )


@pytest.mark.parametrize('collated', [True, False])
def test_all_first_views_come_first(collated):
    ours, stock = both()
    views = torch.randint(0, 256, (2, 3, 3, 4, 5), dtype=torch.uint8)  # (N, V, C, H, W)
    samples = [DataSample().set_gt_label(k) for k in range(2)]
    batch = dict(inputs=views if collated else list(views), data_samples=samples)
    data = ours(batch, True)
    assert data['inputs'].shape == (6, 3, 4, 5)
    for number in range(3):
        expected = stock(dict(inputs=views[:, number]))['inputs']
        assert torch.equal(data['inputs'][2 * number : 2 * number + 2], expected)
    assert [int(sample.gt_label) for sample in data['data_samples']] == [0, 1]


@pytest.mark.parametrize('collated', [True, False])
def test_one_view_is_what_it_was(collated):
    ours, stock = both()
    images = torch.randint(0, 256, (2, 3, 4, 5), dtype=torch.uint8)
    batch = dict(inputs=images if collated else list(images))
    assert torch.equal(ours(batch)['inputs'], stock(batch)['inputs'])
