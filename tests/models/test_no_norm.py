"""NoNorm against torch's batch_norm with mean 0 and variance 1."""

import pytest
import torch
import torch.nn.functional as F
from mmpretrain.registry import MODELS
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from mmct.models import NoNorm

BACKBONES = [
    dict(type='ResNet', depth=18, stem_channels=8, base_channels=8),
    dict(type='SEResNet', depth=50, stem_channels=8, base_channels=8, se_ratio=4),
    dict(type='MobileNetV2', widen_factor=0.25),
    dict(type='MobileNetV3', arch='small_050'),
    dict(type='VGG', depth=11),
    dict(type='DenseNet', arch=dict(growth_rate=4, depths=[2, 2], init_channels=8)),
    dict(type='RepVGG', arch='A0'),
]


def is_statistic(key):
    return key.endswith(('running_mean', 'running_var', 'num_batches_tracked'))


@pytest.mark.parametrize('backbone', BACKBONES, ids=lambda cfg: cfg['type'])
def test_norm_cfg_of_a_backbone_gives_the_keys_of_the_bn_net(backbone):
    bn = MODELS.build({**backbone, 'norm_cfg': dict(type='BN', momentum=0.1)})
    free = MODELS.build({**backbone, 'norm_cfg': dict(type='NoNorm', momentum=0.1)})
    keys = [key for key in bn.state_dict() if not is_statistic(key)]
    assert len(keys) < len(bn.state_dict())
    assert list(free.state_dict()) == keys
    assert not any(isinstance(module, _BatchNorm) for module in free.modules())
    outputs = free(torch.rand(1, 3, 32, 32))
    assert all(output.isfinite().all() for output in outputs)


@pytest.mark.parametrize('shape', [(5, 3), (5, 3, 2), (5, 3, 2, 4), (5, 3, 2, 4, 2)])
def test_output_and_gradients(shape):
    layer = NoNorm(3)
    assert layer.weight.tolist() == [1, 1, 1]
    assert layer.bias.tolist() == [0, 0, 0]
    values = [torch.randn(3), torch.randn(3), torch.randn(shape)]
    weight, bias, x = (value.clone().requires_grad_() for value in values)
    mean, var = torch.zeros(3), torch.ones(3)
    expected = F.batch_norm(x, mean, var, weight, bias, eps=1e-12)  # older torch takes no 0
    expected.square().sum().backward()
    with torch.no_grad():
        layer.weight.copy_(weight)
        layer.bias.copy_(bias)
    inputs = values[2].requires_grad_()
    output = layer(inputs)
    output.square().sum().backward()
    torch.testing.assert_close(output, expected)
    torch.testing.assert_close(inputs.grad, x.grad)
    torch.testing.assert_close(layer.weight.grad, weight.grad)
    torch.testing.assert_close(layer.bias.grad, bias.grad)


def test_without_affine_it_is_the_identity():
    layer = NoNorm(3, affine=False)
    assert not layer.state_dict()
    x = torch.randn(2, 3, 4, 4)
    output = layer(x)
    assert torch.equal(output, x)
    # Networks work in place on what a normalisation layer gave (next test).
    before = x.clone()
    output += 1
    assert torch.equal(x, before)


def test_without_affine_in_a_network_that_adds_in_place():
    block = 'mmpretrain.models.backbones.mobileone.MobileOneBlock'
    norm_cfg = dict(type='NoNorm', affine=False)
    block = MODELS.build(
        dict(type=block, in_channels=2, out_channels=2, num_convs=1, norm_cfg=norm_cfg)
        | dict(kernel_size=3, padding=1)
    )
    x = torch.randn(2, 2, 5, 5)
    expected = x + block.branch_scale(x) + block.branch_conv_list[0](x)
    torch.testing.assert_close(block(x.clone()), expected.relu())


def test_autocast_keeps_half_precision():
    net = nn.Sequential(nn.Conv2d(3, 4, 1), NoNorm(4))
    nn.init.normal_(net[1].weight)
    x = torch.randn(2, 3, 5, 5)
    with torch.autocast('cpu', torch.bfloat16):
        output = net(x)
    assert output.dtype == torch.bfloat16
    torch.testing.assert_close(output.float(), net(x), rtol=0.02, atol=0.02)
    output.float().sum().backward()
    assert net[1].weight.grad.dtype == torch.float32


def test_settings():
    layer = MODELS.build(dict(type='NoNorm', num_features=3, eps=1e-3))
    assert layer.eps == 1e-3
    assert repr(layer) == 'NoNorm(3, affine=True)'
    with pytest.raises(ValueError, match='must be positive, but got 0'):
        NoNorm(0)
