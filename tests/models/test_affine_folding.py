"""Folded networks against what they were before."""

import copy

import pytest
import torch
import torch.nn.functional as F
from mmpretrain.registry import MODELS
from torch import nn

from mmct.models import NoNorm, fold_affine, remove_batch_norm

TINY_REPVGG = dict(
    num_blocks=[1, 2, 1, 1], width_factor=[0.25] * 4, group_layer_map=None, se_cfg=None
)
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
    'repvgg': (dict(type='RepVGG', arch=TINY_REPVGG), 32, 12),
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


class Net(nn.Module):
    """A convolution, a NoNorm, and a way through both."""

    def __init__(self, way, bias=False):
        super().__init__()
        self.conv, self.norm = nn.Conv2d(3, 3, 3, padding=1, bias=bias), NoNorm(3)
        self.other, self.linear = nn.Conv2d(3, 3, 1), nn.Linear(3, 3)
        self.norm1d, self.spare = NoNorm(3), NoNorm(3)
        self.way = way

    def forward(self, x):
        return self.way(self, x)


def read_twice(net, x):
    x = net.conv(x)
    return net.norm(x) + x


def changed_in_between(net, x):
    return net.norm(F.relu(net.conv(x), inplace=True))


def two_norms(net, x):
    x = net.conv(x)
    return net.norm(x), net.spare(x)


def asks_for_its_weight(net, x):
    return net.norm(net.conv(x)) * net.norm.weight.sum()


# The way, and which NoNorms are folded.
WAYS = {
    'plain': (lambda net, x: net.norm(net.conv(x)), ['norm']),
    'added to in place': (lambda net, x: net.norm(net.conv(x)).add_(x).relu_(), ['norm']),
    'linear': (lambda net, x: net.norm1d(net.linear(x.mean((2, 3)))), ['norm1d']),
    'one of two': (
        lambda net, x: net.norm(net.conv(x)) + read_twice_other(net, x), ['norm'],
    ),
    'norm first': (lambda net, x: net.conv(net.norm(x)), []),
    'read twice': (read_twice, []),
    'changed in between': (changed_in_between, []),
    'two norms': (two_norms, []),
    'conv called twice': (lambda net, x: net.norm(net.conv(net.conv(x))), []),
    'norm called twice': (lambda net, x: net.norm(net.other(net.norm(net.conv(x)))), []),
    'asked for its weight': (asks_for_its_weight, []),
    'linear over pixels': (lambda net, x: net.norm1d(net.linear(x[..., 0].mT[:, :3])), []),
}


def read_twice_other(net, x):
    x = net.other(x)
    return net.spare(x) + x


@pytest.mark.parametrize('bias', [True, False])
@pytest.mark.parametrize('name', WAYS)
def test_only_what_can_be_folded_is(name, bias):
    way, expected = WAYS[name]
    net = randomised(Net(way, bias), bn=True)
    before = net(images())
    assert fold_affine(net, images()) == expected
    after = net(images())
    torch.testing.assert_close(after, before, rtol=0, atol=1e-5)
    names = {key for key, _ in net.named_parameters()}
    assert ('conv.bias' in names) == bias


@pytest.mark.parametrize('name', WAYS)
def test_the_pass_alone_shows_all_but_other_readers(name):
    way, expected = WAYS[name]
    net = randomised(Net(way), bn=True)
    found = fold_affine(net, images(), lambda net, x: (net(x), None)[1])
    if name == 'read twice':
        expected = ['norm']
    assert found == expected + ['spare'] * (name == 'one of two')


def test_what_was_unknown_to_the_pass_is_compared():
    # Only the second output shows that somebody else reads the convolution's.
    def way(net, x):
        x = net.conv(x)
        return net.norm(x), x

    net = randomised(Net(way), bn=True)
    assert fold_affine(net, images()) == []
    assert fold_affine(net, images(), lambda net, x: net(x)[0]) == ['norm']


@pytest.mark.parametrize('layer', ['conv', 'norm'])
def test_a_layer_with_a_hook_is_left_and_its_hook_not_called(layer):
    net = randomised(Net(WAYS['plain'][0]), bn=True)
    calls = []
    hook = getattr(net, layer).register_forward_hook(lambda *args: calls.append(1))
    assert fold_affine(net, images()) == []
    assert not calls
    net(images())
    assert calls == [1]
    hook.remove()
    assert fold_affine(net, images()) == ['norm']


def test_a_computed_weight_is_left():
    net = randomised(Net(WAYS['plain'][0]), bn=True)
    nn.utils.parametrizations.weight_norm(net.conv)
    assert fold_affine(net, images()) == []


def test_tied_weights_come_apart():
    net = Net(lambda net, x: net.norm(net.conv(x)) + net.other(x))
    net.other = nn.Conv2d(3, 3, 3, padding=1)
    net.other.weight = net.conv.weight
    before = randomised(net, bn=True)(images())
    assert fold_affine(net, images()) == ['norm']
    torch.testing.assert_close(net(images()), before, rtol=0, atol=1e-5)


def test_without_an_affine_map_there_is_a_copy_less():
    net = Net(WAYS['plain'][0])
    net.norm = NoNorm(3, affine=False)
    before = net(images())
    assert fold_affine(net, images()) == ['norm']
    assert torch.equal(net(images()), before)


def test_dtype_mode_and_gradients_stay():
    net = Net(WAYS['plain'][0], bias=True).to(torch.bfloat16)
    net.conv.weight.requires_grad = False
    x = images().bfloat16()
    assert fold_affine(net, x) == ['norm']
    assert net.training
    assert not net.conv.weight.requires_grad
    assert net.conv.bias.requires_grad
    assert net(x).dtype == torch.bfloat16


def test_a_network_in_training_mode_is_compared_in_eval_mode():
    net = Net(lambda net, x: F.dropout(net.norm(net.conv(x)), 0.5, net.training))
    assert fold_affine(net, images()) == ['norm']
    assert net.training


def test_the_output_of_a_folded_network_is_its_own():
    net = randomised(Net(WAYS['plain'][0]), bn=True)
    fold_affine(net, images())
    weights, x = copy.deepcopy(net.state_dict()), images()
    net(x).zero_()
    torch.testing.assert_close(net.state_dict(), weights)
    assert torch.equal(x, images())
