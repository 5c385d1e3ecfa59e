"""The BN-free net against the BN net that it was made from, by function, backbone and class."""

import copy

import pytest
import torch
from mmengine.optim import OptimWrapper
from mmpretrain.models import ImageClassifier, ResNet
from mmpretrain.registry import MODELS
from mmpretrain.structures import DataSample
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from mmct.models import NoNorm, calibrate, remove_batch_norm

INNER = dict(type='ResNet', depth=18, stem_channels=8, base_channels=8)
CONFIG = dict(
    backbone=dict(type='ResNet_CIFAR', depth=18, stem_channels=8, base_channels=8),
    neck=dict(
        type='LinearNeck', in_channels=64, out_channels=16, gap_dim=2, norm_cfg=dict(type='BN1d')
    ),
    head=dict(type='VigClsHead', in_channels=16, hidden_dim=8, num_classes=3),
)


class OwnBatchNorm(nn.BatchNorm2d):
    """As other libraries derive theirs."""


class BatchNormAct(nn.BatchNorm2d):
    """timm has such a layer: its activation would be lost."""

    def __init__(self, num_features):
        super().__init__(num_features)
        self.act = nn.ReLU()


def lived_in(net):
    """Weights and running statistics as after training."""
    for module in net.modules():
        if isinstance(module, _BatchNorm):
            if module.affine:
                nn.init.uniform_(module.weight, 0.5, 1.5)
                nn.init.normal_(module.bias, std=0.3)
            if module.track_running_stats:
                nn.init.normal_(module.running_mean, std=0.3)
                nn.init.uniform_(module.running_var, 0.5, 2.0)
    return net


def convs(*norms, channels=4):
    """Two convolutions with a norm after each, and dropout."""
    first, second = norms or (nn.BatchNorm2d(channels), nn.BatchNorm2d(channels))
    layers = [nn.Conv2d(3, channels, 3), first, nn.ReLU(), nn.Dropout(0.5)]
    return nn.Sequential(*layers, nn.Conv2d(channels, channels, 3), second)


def norms_of(net, kind=NoNorm):
    return [module for module in net.modules() if isinstance(module, kind)]


def resnet():
    return MODELS.build(
        dict(
            type='ImageClassifier',
            backbone=dict(type='ResNet', depth=18, stem_channels=8, base_channels=8),
            neck=dict(type='GlobalAveragePooling'),
            head=dict(
                type='StackedLinearClsHead',
                num_classes=3,
                in_channels=64,
                mid_channels=[8],
                norm_cfg=dict(type='BN1d'),
            ),
        )
    )


def densenet():
    arch = dict(growth_rate=8, depths=[2, 2, 2], init_channels=16)
    return nn.Sequential(MODELS.build(dict(type='DenseNet', arch=arch)))


@pytest.mark.parametrize('affine', [True, False])
@pytest.mark.parametrize(
    ('kind', 'shape'),
    [
        (nn.BatchNorm1d, (5, 3)),
        (nn.BatchNorm1d, (5, 3, 4)),
        (nn.BatchNorm2d, (5, 3, 4, 4)),
        (nn.BatchNorm3d, (5, 3, 2, 4, 4)),
        (nn.SyncBatchNorm, (5, 3, 4, 4)),
        (OwnBatchNorm, (5, 3, 4, 4)),
    ],
)
def test_fold_of_every_kind(kind, shape, affine):
    net = lived_in(nn.Sequential(kind(3, eps=0.1, affine=affine))).eval()
    x = torch.randn(shape)
    expected = net(x)
    assert remove_batch_norm(net, 'fold') is net
    assert type(net[0]) is NoNorm
    torch.testing.assert_close(net(x), expected)
    # What the BatchNorm did not learn, its replacement does not learn.
    assert {p.requires_grad for p in net.parameters()} == {affine}


def test_batch_norm_without_bias():
    net = lived_in(convs())
    net[1].register_parameter('bias', None)
    x = torch.randn(2, 3, 8, 8)
    expected = net.eval()(x)
    torch.testing.assert_close(remove_batch_norm(net, 'fold')(x), expected)
    assert [p.requires_grad for p in net[1].parameters()] == [True, False]


@pytest.mark.parametrize('make', [resnet, densenet])
def test_fold_gives_the_eval_output_of_real_networks(make):
    net = lived_in(make()).eval()
    names = [name for name, _ in net.named_parameters()]
    x = torch.randn(4, 3, 64, 64)
    expected = torch.cat([output.flatten() for output in net(x)])
    remove_batch_norm(net, 'fold')
    assert not norms_of(net, _BatchNorm)
    assert list(net.state_dict()) == names
    output = torch.cat([output.flatten() for output in net(x)])
    assert (output - expected).norm() < 1e-4 * expected.norm()
    with pytest.raises(ValueError, match='normalisation layers found: NoNorm'):
        remove_batch_norm(net)


def test_identity_keeps_everything_but_the_values():
    net = lived_in(convs()).double().train()
    net[1].eval()
    net[5].weight.requires_grad = False
    remove_batch_norm(net)
    assert [norm.training for norm in norms_of(net)] == [False, True]
    assert [p.requires_grad for p in net[5].parameters()] == [False, True]
    assert net[1].weight.tolist() == [1] * 4
    assert net[1].bias.tolist() == [0] * 4
    assert {p.dtype for p in net.parameters()} == {torch.float64}
    somewhere_else = remove_batch_norm(convs().to('meta'))
    assert {p.device.type for p in somewhere_else.parameters()} == {'meta'}
    plain = remove_batch_norm(convs(*[nn.BatchNorm2d(4, affine=False)] * 2))
    assert not list(plain[1].parameters())


def test_a_shared_layer_stays_shared():
    shared = nn.BatchNorm2d(4)
    net = lived_in(convs(shared, shared)).eval()
    x = torch.randn(4, 3, 8, 8)
    expected = net(x)
    remove_batch_norm(net, 'fold')
    assert net[1] is net[5]
    torch.testing.assert_close(net(x), expected)
    # Calibrated once, on what comes first.
    net[1].weight.data.fill_(1)
    calibrate(net, x)
    var = net[0](x).var(correction=0)
    torch.testing.assert_close(net[1].weight, ((var + 1e-5) ** -0.5).expand(4))


@pytest.mark.parametrize('make', [resnet, densenet])
def test_calibrated_per_channel_it_starts_as_the_bn_net_does(make):
    net = lived_in(make()).train()
    batches = [torch.randn(4, 3, 64, 64), torch.randn(2, 3, 64, 64)]
    expected = copy.deepcopy(net)(torch.cat(batches))
    remove_batch_norm(net, 'calibrate', iter(batches), granularity='channel')
    assert not norms_of(net, _BatchNorm)
    for output, of_bn in zip(net(torch.cat(batches)), expected, strict=True):
        torch.testing.assert_close(output, of_bn, rtol=1e-3, atol=1e-4)


def test_calibrated_per_layer_each_output_has_unit_variance():
    net = resnet()
    x = 5 * torch.randn(4, 3, 64, 64)
    remove_batch_norm(net, 'calibrate', [x])
    seen = []
    for norm in norms_of(net):
        # Copies: the activation that follows works in place.
        norm.register_forward_hook(lambda _, x, y: seen.append((x[0], y.clone())))
    with torch.no_grad():
        net.eval()(x)
    assert len(seen) == 21
    for inputs, outputs in seen:
        assert float(outputs.var(correction=0)) == pytest.approx(1, rel=2e-3)
        before, after = (
            values.transpose(0, 1).flatten(1).var(dim=1) for values in (inputs, outputs)
        )
        torch.testing.assert_close(after / after.sum(), before / before.sum())
        assert before.max() > 1.1 * before.min()


def test_calibrated_per_layer_gamma_and_beta_are_kept():
    net = lived_in(nn.Sequential(nn.BatchNorm1d(3, eps=0.1)))
    weight, bias = net[0].weight.detach().clone(), net[0].bias.detach().clone()
    x = torch.tensor([[1.0, 2.0, 3.0], [0.0, 4.0, 2.0]])  # mean 2, variance 10 / 6
    remove_batch_norm(net, 'calibrate', [x])
    torch.testing.assert_close(net[0].weight, weight / (10 / 6 + 0.1) ** 0.5)
    torch.testing.assert_close(net[0].bias, bias)


@pytest.mark.parametrize('granularity', ['layer', 'channel'])
def test_calibrating_leaves_no_trace(granularity):
    net = remove_batch_norm(convs()).train()
    net[1].eval()  # Dropout stays in training mode.
    modes = [module.training for module in net.modules()]
    state = torch.get_rng_state()
    assert calibrate(net, torch.ones(2, 3, 8, 8), granularity) is net
    assert torch.equal(torch.get_rng_state(), state)
    assert [module.training for module in net.modules()] == modes
    assert not any(norm._forward_pre_hooks for norm in norms_of(net))
    assert {p.requires_grad for p in net.parameters()} == {True}


@pytest.mark.parametrize(
    ('make', 'settings', 'message'),
    [
        (convs, dict(init='folded'), 'init must be one of'),
        (convs, dict(granularity='pixel'), 'granularity must be one of'),
        (convs, dict(init='calibrate'), 'at least one batch'),
        (convs, dict(init='calibrate', batches=[]), 'at least one batch'),
        (
            convs,
            dict(init='calibrate', batches=[torch.full((2, 3, 8, 8), torch.nan)]),
            'the input of 1 is not finite',
        ),
        (
            lambda: convs(nn.BatchNorm2d(4), nn.BatchNorm2d(4, track_running_stats=False)),
            dict(init='fold'),
            'but 5 has none',
        ),
        (lambda: convs(nn.BatchNorm2d(4), BatchNormAct(4)), {}, 'it holds act'),
        (lambda: nn.BatchNorm2d(4), {}, 'pass the network that contains it'),
    ],
)
def test_an_error_leaves_the_network_as_it_was(make, settings, message):
    net = make().train()
    modules, values = list(net.modules()), copy.deepcopy(net.state_dict())
    with pytest.raises(ValueError, match=message):
        remove_batch_norm(net, **settings)
    assert list(net.modules()) == modules
    assert all(module.training for module in modules)
    torch.testing.assert_close(net.state_dict(), values)


@pytest.mark.parametrize(
    ('backbone', 'found'),
    [
        (dict(type='VisionTransformer', arch='deit-t', img_size=32), 'LayerNorm'),
        (dict(type='ConvNeXt', arch='atto'), 'LayerNorm2d'),
    ],
)
def test_a_network_without_batch_norm(backbone, found):
    net = MODELS.build(backbone)
    with pytest.raises(ValueError, match=f'need a network with BN, .*found: {found}'):
        remove_batch_norm(net)


def test_a_lazy_layer():
    net = convs(nn.BatchNorm2d(4), nn.LazyBatchNorm2d())
    with pytest.raises(ValueError, match='5 is lazy: run the model once'):
        remove_batch_norm(net)
    assert len(norms_of(net, _BatchNorm)) == 2


def test_calibrate_refuses_what_it_cannot_do():
    x = torch.randn(2, 3, 8, 8)
    with pytest.raises(ValueError, match="granularity must be .*, but got 'all'"):
        calibrate(remove_batch_norm(convs()), x, 'all')
    with pytest.raises(ValueError, match='no affine NoNorm'):
        calibrate(convs(), x)


@pytest.mark.parametrize('inner', [INNER, dict(type='ShuffleNetV2', widen_factor=0.5)])
def test_the_same_backbone_without_batch_norm(inner):
    bn = MODELS.build(inner)
    backbone = MODELS.build(dict(type='NormFreeBackbone', backbone=inner))
    assert type(backbone) is type(bn)
    assert not any(isinstance(module, _BatchNorm) for module in backbone.modules())
    parameters = {name: p.shape for name, p in bn.named_parameters()}
    state = {name: value.shape for name, value in backbone.state_dict().items()}
    assert state == parameters


def test_in_a_classifier_it_is_the_literal_removal():
    model = ImageClassifier(
        backbone=dict(type='NormFreeBackbone', backbone=INNER),
        neck=dict(type='GlobalAveragePooling'),
        head=dict(type='LinearClsHead', num_classes=3, in_channels=64),
    )
    assert isinstance(model.backbone, ResNet)
    plain = MODELS.build(INNER)
    plain.load_state_dict(model.backbone.state_dict(), strict=False)
    for parent in plain.modules():
        for name, child in parent.named_children():
            if isinstance(child, _BatchNorm):
                setattr(parent, name, nn.Identity())
    x = torch.rand(2, 3, 32, 32)
    torch.testing.assert_close(model.backbone(x), plain(x))


def test_a_backbone_without_batch_norm_is_refused():
    with pytest.raises(ValueError, match='no BatchNorm layer.*found: none'):
        MODELS.build(dict(type='NormFreeBackbone', backbone=dict(type='LeNet5')))


def test_the_classifier_loses_it_when_built_with_the_names_of_the_bn_net():
    bn = MODELS.build(dict(type='ImageClassifier', **CONFIG))
    model = MODELS.build(dict(type='NormFreeClassifier', **CONFIG))
    assert isinstance(model.neck.norm, NoNorm)
    assert isinstance(model.head.bn, NoNorm)
    assert not any(isinstance(module, _BatchNorm) for module in model.modules())
    assert list(model.state_dict()) == [name for name, _ in bn.named_parameters()]
    norms = [module for module in model.modules() if isinstance(module, NoNorm)]
    assert all((norm.weight == 1).all() and (norm.bias == 0).all() for norm in norms)


@pytest.mark.parametrize('kind', ['NormFreeClassifier', 'NormFreeBackbone'])
def test_a_norm_without_weights_can_be_calibrated(kind):
    inner = {**INNER, 'norm_cfg': dict(type='BN', affine=False)}
    if kind == 'NormFreeBackbone':
        model = MODELS.build(dict(type=kind, backbone=inner))
    else:
        model = MODELS.build(dict(type=kind, backbone=inner)).backbone
    norms = [module for module in model.modules() if isinstance(module, NoNorm)]
    assert not any(parameter.requires_grad for norm in norms for parameter in norm.parameters())
    calibrate(model, torch.rand(2, 3, 32, 32) * 9)
    assert all((norm.weight != 1).all() for norm in norms)


def test_the_classifier_trains_and_predicts():
    model = MODELS.build(dict(type='NormFreeClassifier', **CONFIG))
    model.init_weights()
    before = model.neck.norm.weight.clone()
    optimizer = OptimWrapper(torch.optim.SGD(model.parameters(), lr=0.1))
    samples = [DataSample().set_gt_label(i) for i in (0, 1, 2, 0)]
    data = dict(inputs=torch.rand(4, 3, 16, 16), data_samples=samples)
    logs = model.train_step(data, optimizer)
    assert set(logs) == {'loss'}
    assert not torch.equal(model.neck.norm.weight, before)
    predictions = model.eval().test_step(data)
    assert all(sample.pred_score.shape == (3,) for sample in predictions)


def test_a_classifier_without_batch_norm_is_refused():
    backbone = dict(type='MlpMixer', arch='s', img_size=32, patch_size=16)
    with pytest.raises(ValueError, match='normalisation layers found: LayerNorm'):
        MODELS.build(dict(type='NormFreeClassifier', backbone=backbone))
