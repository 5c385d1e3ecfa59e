"""Standardised convolutions: what they compute, what is kept of them, and what copies see."""

import copy
import pickle

import pytest
import torch
from mmpretrain.registry import MODELS
from torch import nn

from mmct.models import (
    are_standardised,
    calibrate,
    fold_weights,
    plain_weights,
    standardise_weights,
    standardised,
)

CONFIG = dict(
    type='NormFreeClassifier',
    weight_standardisation=True,
    backbone=dict(type='ResNetCIFAR', depth=8, base_channels=8),
    neck=dict(type='GlobalAveragePooling'),
    head=dict(type='LinearClsHead', num_classes=3, in_channels=32),
)


class OwnConv(nn.Conv2d):
    """A kind that uses its weight in a forward pass of its own, as padding convolutions do."""

    def forward(self, x):
        return nn.functional.conv2d(nn.functional.pad(x, (1, 1, 1, 1)), self.weight, self.bias)


def build(**settings):
    settings = copy.deepcopy({**CONFIG, **settings})
    return MODELS.build({name: value for name, value in settings.items() if value is not None})


def trained(net):
    """Gains and affine layers as they are after training."""
    for name, parameter in net.named_parameters():
        if name.endswith('weight_gain') or 'bn' in name:
            nn.init.uniform_(parameter, 0.5, 1.5)
    return net.eval()


@pytest.mark.parametrize('shape', [(5, 7), (5, 4, 3), (5, 2, 3, 3), (5, 1, 3, 3), (5, 2, 3, 3, 3)])
def test_a_filter_has_mean_zero_and_its_gain_as_norm(shape):
    weight, gain = torch.randn(shape) * 3 + 1, torch.rand(shape[0]) + 0.5
    filters = standardised(weight, gain).flatten(1)
    torch.testing.assert_close(filters.mean(1), torch.zeros(5), rtol=0, atol=1e-6)
    torch.testing.assert_close(filters.norm(dim=1), gain)


def test_a_filter_of_equal_weights_is_zero_and_learns():
    weight = torch.ones(2, 3, 3, 3, requires_grad=True)
    standardised(weight, torch.ones(2)).square().sum().backward()
    assert weight.grad.isfinite().all()


def test_inputs_of_unit_variance_keep_it():
    net = standardise_weights(nn.Sequential(nn.Conv2d(64, 64, 3, padding=1)))
    out = net(torch.randn(8, 64, 16, 16))[..., 1:-1, 1:-1]
    assert 0.9 < out.var() < 1.1


def test_parameters_keep_their_names_and_gains_come_beside_them():
    plain, net = build(weight_standardisation=False), build()
    gains = net.state_dict().keys() - plain.state_dict().keys()
    assert plain.state_dict().keys() < net.state_dict().keys()
    convs = [name for name, layer in plain.named_modules() if isinstance(layer, nn.Conv2d)]
    assert gains == {f'{name}.weight_gain' for name in convs}
    assert are_standardised(net.state_dict()) and not are_standardised(plain.state_dict())


@pytest.mark.parametrize('layer', [nn.Conv2d(3, 4, 3, padding=1), OwnConv(3, 4, 3)])
def test_folded_it_computes_the_same_with_a_plain_convolution(layer):
    kind, images = type(layer), torch.randn(2, 3, 8, 8)
    before = layer(images)
    net = trained(standardise_weights(nn.Sequential(layer, nn.ReLU(), nn.Conv2d(4, 4, 1))))
    assert not torch.allclose(net[0](images), before)
    expected = net(images)
    assert fold_weights(net) is net
    torch.testing.assert_close(net(images), expected)
    assert type(net[0]) is kind and {*dict(net.named_parameters())} == {
        '0.weight', '0.bias', '2.weight', '2.bias'
    }  # fmt: skip


def test_a_folded_network_fits_the_plain_one():
    net = trained(calibrate(build(), torch.randn(8, 3, 32, 32)))
    images = torch.randn(4, 3, 32, 32)
    expected = net(images)
    plain = build(weight_standardisation=False)
    plain.load_state_dict(fold_weights(net).state_dict())
    torch.testing.assert_close(plain.eval()(images), expected)


def test_a_network_may_keep_its_bn_beside_standardised_weights():
    net = trained(build(type='StandardisedClassifier'))
    assert isinstance(net.backbone.bn1, nn.BatchNorm2d)
    images = torch.randn(4, 3, 32, 32)
    expected = net(images)
    plain = build(type='ImageClassifier', weight_standardisation=None)
    assert not torch.allclose(plain.eval()(images), expected)
    plain.load_state_dict(fold_weights(net).state_dict())
    torch.testing.assert_close(plain(images), expected)


def test_a_folded_network_can_be_loaded_and_gains_that_are_kept_count():
    net, images = trained(build()), torch.randn(2, 3, 32, 32)
    nn.init.constant_(net.backbone.conv1.weight_gain, 1e-3)
    expected, kept = net(images), copy.deepcopy(net.state_dict())
    again = build()
    again.load_state_dict(fold_weights(net).state_dict(), strict=True)
    torch.testing.assert_close(again.eval()(images), expected)
    again.load_state_dict(kept, strict=True)
    assert again.backbone.conv1.weight_gain[0] == 1e-3
    torch.testing.assert_close(again(images), expected)


def test_weights_of_an_init_cfg_are_loaded_as_any_others(tmp_path):
    net, images = trained(build()), torch.randn(2, 3, 32, 32)
    expected = net(images)
    torch.save(fold_weights(net).state_dict(), tmp_path / 'net.pth')
    again = build(init_cfg=dict(type='Pretrained', checkpoint=str(tmp_path / 'net.pth')))
    again.init_weights()
    torch.testing.assert_close(again.eval()(images), expected)
    # It is a standardised network as before.
    again.load_state_dict(build().state_dict(), strict=True)
    assert again.backbone.conv1.weight_gain[0] == 1


def test_to_fold_a_network_leaves_its_copy_alone():
    net = trained(build())
    images = torch.randn(2, 3, 32, 32)
    average, expected = copy.deepcopy(net), net(images)
    fold_weights(net)
    torch.testing.assert_close(average(images), expected)
    with plain_weights(average):
        assert not torch.allclose(average(images), expected)
    torch.testing.assert_close(average(images), expected)


def test_initialisers_reach_the_weights():
    net = build(init_cfg=dict(type='Constant', layer='Conv2d', val=0.25))
    net.init_weights()
    # The backbone's own initialiser comes after it; its stem is He's, of fan-out.
    stem = net.backbone.conv1._parameters['weight']
    assert 0.1 < stem.std() < 0.25, (2 / (8 * 9)) ** 0.5
    shown = net.backbone.conv1.weight
    torch.testing.assert_close(shown.flatten(1).norm(dim=1), torch.ones(8), rtol=1e-3, atol=0)


def test_both_weights_and_gains_learn_and_twice_is_once():
    net = standardise_weights(standardise_weights(build()))
    net(torch.randn(2, 3, 32, 32)).square().sum().backward()
    stem = net.backbone.conv1
    for name in ('weight', 'weight_gain'):
        assert stem._parameters[name].grad.abs().sum() > 0
    assert type(stem).__name__ == 'StandardisedConv2d'


def test_what_a_backbone_freezes_stays_frozen():
    net = build(backbone={**CONFIG['backbone'], 'frozen_stages': 1})
    frozen = {name: p.requires_grad for name, p in net.named_parameters()}
    assert frozen['backbone.conv1.weight_gain'] is frozen['backbone.conv1.weight'] is False
    assert frozen['backbone.layer2.0.conv1.weight_gain']


@pytest.mark.parametrize('shape', [(2, 8, 9, 9), (2, 8, 5, 5, 5)])
def test_the_layout_of_the_weight_is_that_of_the_output(shape):
    kind = nn.Conv2d if len(shape) == 4 else nn.Conv3d
    layout = torch.channels_last if len(shape) == 4 else torch.channels_last_3d
    net = standardise_weights(nn.Sequential(kind(8, 6, 3)))
    images = torch.randn(shape)
    expected = net(images)
    assert expected.is_contiguous()
    found = net.to(memory_format=layout)(images)
    assert found.is_contiguous(memory_format=layout)
    torch.testing.assert_close(found, expected)


def test_a_pickled_network_is_the_same():
    net, images = trained(build()), torch.randn(2, 3, 32, 32)
    again = pickle.loads(pickle.dumps(net))
    assert torch.equal(again(images), net(images))
    assert type(again.backbone.conv1) is type(net.backbone.conv1)


def shared():
    first, second = nn.Conv2d(4, 4, 3), nn.Conv2d(4, 4, 3)
    second.weight = first.weight
    return first, second


@pytest.mark.parametrize(
    ('make', 'message'),
    [
        (lambda: (nn.Linear(3, 3), nn.Conv2d(1, 4, 1)), 'no convolution whose weights'),
        (lambda: (nn.utils.weight_norm(nn.Conv2d(3, 4, 3)),), 'of 0 cannot .* weight_norm'),
        (lambda: (nn.utils.parametrizations.spectral_norm(nn.Conv2d(3, 4, 3)),), 'weight_norm'),
        (shared, 'the weight of 1 cannot be standardised, as it is also that of 0'),
    ],
)
@pytest.mark.filterwarnings('ignore:.*weight_norm. is deprecated')
def test_what_cannot_be_standardised(make, message):
    net = nn.Sequential(*make())
    with pytest.raises(ValueError, match=message):
        standardise_weights(net)
    assert not are_standardised(net.state_dict())
