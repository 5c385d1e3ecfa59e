"""Folded networks against what they were before."""

import copy

import pytest
import torch
import torch.nn.functional as F
from mmpretrain.registry import MODELS
from torch import nn

from mmct.models import NoNorm, fold_affine, remove_batch_norm

# What to build, the size of its images, and how many of its NoNorms a layer
# feeds: all where BN comes after its convolution.
BACKBONES = {
    'resnet_cifar': (dict(type='ResNet_CIFAR', depth=18, base_channels=8, stem_channels=8), 16, 20),
    'resnet50': (dict(type='ResNet', depth=50, base_channels=8, stem_channels=8), 32, 53),
    'resnext': (
        dict(type='ResNeXt', depth=50, groups=4, width_per_group=4, base_channels=8,
             stem_channels=8), 32, 53,
    ),
    'seresnet': (dict(type='SEResNet', depth=50, base_channels=8, stem_channels=8), 32, 53),
    'mobilenet_v2': (dict(type='MobileNetV2', widen_factor=0.1), 32, 52),
    'shufflenet_v2': (dict(type='ShuffleNetV2', widen_factor=0.5), 32, 56),
    'vgg': (dict(type='VGG', depth=11, norm_cfg=dict(type='BN')), 32, 8),
    # The identity branches of its blocks have a NoNorm of their own.
    'repvgg': (dict(type='RepVGG', arch='A0'), 32, 44),
    # Only the second NoNorm of a layer and the stem's follow a convolution.
    'densenet': (
        dict(type='DenseNet', arch=dict(growth_rate=4, depths=[2, 2], init_channels=8)), 32, 5,
    ),
}


def is_norm(module):
    return isinstance(module, NoNorm)


def randomised(model, bn=False):
    """A BN-free network whose affine layers all do something."""
    model = model if bn else remove_batch_norm(model)
    for module in filter(is_norm, model.modules()):
        if module.affine:
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.uniform_(module.bias, -0.5, 0.5)
    model.eval()
    return model.requires_grad_(False)


def num_norms(model):
    return sum(map(is_norm, model.modules()))


def images(size=16, batch=6):
    return torch.rand(batch, 3, size, size, generator=torch.Generator().manual_seed(1))


def check_equal(actual, expected):
    """Exact to 1e-5 of the largest value."""
    for mine, theirs in zip(actual, expected, strict=True):
        assert theirs.abs().max() > 1e-3
        torch.testing.assert_close(mine, theirs, rtol=0, atol=1e-5 * theirs.abs().max())


@pytest.mark.parametrize('name', BACKBONES)
def test_a_folded_backbone_gives_what_it_gave(name):
    cfg, size, expected = BACKBONES[name]
    model = randomised(MODELS.build(cfg))
    before, total = model(images(size)), num_norms(model)
    parameters = {key for key, _ in model.named_parameters()}
    folded = fold_affine(model, images(size))
    assert len(folded) == expected == total - num_norms(model)
    check_equal(model(images(size)), before)
    assert {key for key, _ in model.named_parameters()} == {
        key for key in parameters if key.rpartition('.')[0] not in folded
    }
    # Nothing is left to fold.
    assert fold_affine(model, images(size)) == []
