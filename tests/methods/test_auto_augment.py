"""AutoAugment's policies for CIFAR, as torchvision has them."""

import numpy as np
import pytest
import torch
from PIL import Image
from torchvision.transforms import AutoAugment, AutoAugmentPolicy

from mmct.methods import TorchvisionAutoAugment

IMAGE = np.random.default_rng(0).integers(0, 256, (16, 16, 3), dtype=np.uint8)


@pytest.mark.parametrize('policy', ['cifar10', 'svhn', 'imagenet'])
@pytest.mark.parametrize('bgr', [False, True])
def test_it_is_torchvisions_on_rgb(policy, bgr):
    flip = slice(None, None, -1 if bgr else 1)
    theirs = AutoAugment(AutoAugmentPolicy(policy))
    changed = 0
    for seed in range(8):
        torch.manual_seed(seed)
        expected = np.asarray(theirs(Image.fromarray(IMAGE)))
        torch.manual_seed(seed)
        ours = TorchvisionAutoAugment(policy, to_rgb=bgr)
        found = ours.transform(dict(img=IMAGE[..., flip].copy()))['img']
        assert np.array_equal(found[..., flip], expected)
        changed += not np.array_equal(expected, IMAGE)
    assert changed > 4


def test_an_unknown_policy_is_refused():
    with pytest.raises(ValueError, match="policy must be one of .*'cifar10'.* but got 'cifar'"):
        TorchvisionAutoAugment('cifar')
