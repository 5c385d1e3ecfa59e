"""The backbones for 32x32 images, and the recipe of their configs."""

from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from mmengine.optim import CosineAnnealingLR
from mmpretrain.models.backbones import ResNet_CIFAR
from mmpretrain.registry import MODELS
from torch.nn.modules.batchnorm import _BatchNorm

import mmct
from mmct.models import AllConvNet, DenseNetCIFAR, ResNetCIFAR, ResNeXtCIFAR, WideResNet

CONFIGS = Path(mmct.config_path('ct_wrn40_2_cifar10')).parent
# Published counts, in millions, with the number of classes that they are for:
# https://arxiv.org/abs/1605.07146 table 4, https://arxiv.org/abs/1412.6806 table 3,
# https://arxiv.org/abs/1608.06993 table 2, https://arxiv.org/abs/1611.05431 for the
# form and https://github.com/google-research/augmix for cardinality 4 and width 32.
PUBLISHED = {
    'wrn40_2': (2.2, 10),
    'wrn28_10': (36.5, 10),
    'allconv': (1.4, 10),
    'densenet_bc100': (0.8, 10),
    'resnext29': (6.9, 100),
}
SMALL = {
    AllConvNet: dict(base_channels=4),
    DenseNetCIFAR: dict(depth=10, growth_rate=4),
    ResNetCIFAR: dict(depth=8, base_channels=4, zero_init_residual=False),
    ResNeXtCIFAR: dict(depth=11, width_per_group=4),
    WideResNet: dict(depth=10, widen_factor=1, base_channels=4),
}


def classifier(name):
    cfg = Config.fromfile(CONFIGS / f'{name}.py')
    return MODELS.build(dict(cfg.model, data_preprocessor=cfg.data_preprocessor))


@pytest.mark.parametrize('name', PUBLISHED)
def test_a_network_has_the_published_number_of_parameters(name):
    millions, classes = PUBLISHED[name]
    model = classifier(f'bn_{name}_cifar{classes}')
    assert round(sum(p.numel() for p in model.parameters()) / 1e6, 1) == millions


@pytest.mark.parametrize('name', PUBLISHED)
@pytest.mark.parametrize('classes', [10, 100])
def test_a_network_tells_its_classes_apart(name, classes):
    model = classifier(f'bn_{name}_cifar{classes}').eval()
    with torch.no_grad():
        scores = model.head(model.extract_feat(torch.randn(2, 3, 32, 32)))
    assert scores.shape == (2, classes)
    assert scores.isfinite().all()
    assert (scores[0] != scores[1]).any()


def test_the_layers_are_those_of_the_papers():
    def convolutions(model):
        # What the names count: projections of shortcuts do not.
        layers = [(name, m) for name, m in model.named_modules() if isinstance(m, torch.nn.Conv2d)]
        return [m for name, m in layers if 'shortcut' not in name and 'downsample' not in name]

    # The last layer of each name is the classifier; a WRN's name counts its shortcuts.
    assert len(convolutions(WideResNet(40, 2))) + 3 == 40
    assert len(convolutions(DenseNetCIFAR(100, 12))) + 1 == 100
    assert len(convolutions(ResNeXtCIFAR(29))) + 1 == 29
    assert len(convolutions(ResNetCIFAR(20))) + 1 == 20
    assert len(convolutions(AllConvNet())) == 9
    grouped = [m for m in convolutions(ResNeXtCIFAR(29)) if m.groups > 1]
    assert len(grouped) == 9
    assert {m.groups for m in grouped} == {4}
    assert [m.out_channels for m in grouped[::3]] == [128, 256, 512]


def test_allconvnet_has_the_gelu_of_augmix():
    x = torch.linspace(-3, 3, 7)
    gelu = AllConvNet(**SMALL[AllConvNet]).layers[0][2]
    torch.testing.assert_close(gelu(x), x / (1 + torch.exp(-1.702 * x)))


@pytest.mark.parametrize('backbone', SMALL, ids=lambda cls: cls.__name__)
def test_a_backbone_is_registered_initialised_and_trainable(backbone):
    model = MODELS.build(dict(type=backbone.__name__, **SMALL[backbone]))
    assert type(model) is backbone
    model.init_weights()
    for module in model.modules():
        if isinstance(module, _BatchNorm):
            assert (module.weight == 1).all()
            assert (module.bias == 0).all()
    model.train()
    features = model(torch.randn(2, 3, 32, 32))
    assert isinstance(features, tuple)
    features[-1].square().sum().backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in model.parameters())


def test_a_wide_resnet_returns_the_stages_it_is_asked_for():
    outs = WideResNet(10, 2, base_channels=4, out_indices=(0, 2))(torch.randn(1, 3, 32, 32))
    assert [out.shape for out in outs] == [(1, 8, 32, 32), (1, 32, 8, 8)]


def test_a_resnext_has_the_stem_of_the_cifar_resnets():
    stem = ResNeXtCIFAR(11).conv1
    assert (stem.kernel_size, stem.stride) == ((3, 3), (1, 1))
    assert ResNet_CIFAR(18).conv1.kernel_size == stem.kernel_size
    assert ResNeXtCIFAR(11)(torch.randn(1, 3, 32, 32))[0].shape == (1, 1024, 8, 8)


@pytest.mark.parametrize(
    ('backbone', 'wrong', 'words'),
    [
        (WideResNet, dict(depth=41), 'depth must be 6 n'),
        (WideResNet, dict(widen_factor=0), 'must be positive'),
        (WideResNet, dict(drop_rate=1), r'drop_rate must be in \[0, 1\)'),
        (WideResNet, dict(out_indices=(3,)), 'out_indices must be of 0, 1, 2'),
        (DenseNetCIFAR, dict(depth=101), 'depth must be 6 n'),
        (ResNeXtCIFAR, dict(depth=30), 'depth must be 9 n'),
        (ResNetCIFAR, dict(depth=18), 'depth must be 6 n'),
        (AllConvNet, dict(base_channels=0), 'base_channels must be positive'),
        (AllConvNet, dict(drop_rate=-0.1), 'drop_rate must be in'),
    ],
)
def test_a_network_that_does_not_exist_is_refused(backbone, wrong, words):
    with pytest.raises(ValueError, match=words):
        backbone(**wrong)


@pytest.mark.parametrize('name', PUBLISHED)
@pytest.mark.parametrize('data', ['cifar10', 'cifar100'])
def test_the_recipe_is_that_of_augmix(name, data):
    cfg = Config.fromfile(CONFIGS / f'bn_{name}_{data}.py')
    epochs = 200 if name in ('densenet_bc100', 'resnext29') else 100
    decay = 1e-4 if name == 'densenet_bc100' else 5e-4
    assert cfg.optim_wrapper.optimizer == dict(
        type='SGD', lr=0.1, momentum=0.9, nesterov=True, weight_decay=decay
    )
    assert cfg.train_cfg.max_epochs == epochs
    assert cfg.train_dataloader.batch_size == 128
    assert {*cfg.data_preprocessor.mean, *cfg.data_preprocessor.std} == {127.5}
    steps = [step.type for step in cfg.train_dataloader.dataset.pipeline]
    assert steps == ['RandomCrop', 'RandomFlip', 'PackInputs']
    assert cfg.train_dataloader.dataset.pipeline[0].padding == 4

    # The scheduler, not only its settings: from 0.1 to 1e-6, by step.
    weight = torch.nn.Parameter(torch.zeros(1))
    optimizer = torch.optim.SGD([weight], lr=0.1)
    settings = {**cfg.param_scheduler}
    assert settings.pop('type') == 'CosineAnnealingLR'
    assert settings.pop('convert_to_iter_based') is True
    scheduler = CosineAnnealingLR.build_iter_from_epoch(
        optimizer=optimizer, epoch_length=10, **settings
    )
    rates = [optimizer.param_groups[0]['lr']]
    for _ in range(10 * epochs):
        optimizer.step()
        scheduler.step()
        rates.append(optimizer.param_groups[0]['lr'])
    assert rates[1] < rates[0] == 0.1
    assert rates[5 * epochs] == pytest.approx(0.05, rel=1e-3)
    assert rates[-1] == pytest.approx(1e-6, rel=1e-3)
