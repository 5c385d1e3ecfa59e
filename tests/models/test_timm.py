"""Networks of timm: in many of them BatchNorm ends with a dropout and an activation."""

import copy

import pytest
import timm
import torch
from mmengine.model import convert_sync_batchnorm
from mmpretrain.registry import MODELS
from torch.nn.modules.batchnorm import _BatchNorm

from mmct.models import calibrate, remove_batch_norm, start_from_teacher
from mmct.models.no_norm import NoNorm, NoNormAct
from mmct.runs.building import check_synchronised
from mmct.runs.errors import CTError


@pytest.fixture(params=['mobilenetv3_small_050', 'lcnet_035', 'regnetx_002', 'ghostnet_050',
                        'tf_efficientnet_lite0'])  # fmt: skip
def network(request):
    network = timm.create_model(request.param, num_classes=3)
    for layer in batch_norms(network):
        torch.nn.init.uniform_(layer.weight, 0.5, 1.5)
        torch.nn.init.normal_(layer.bias, std=0.1)
    with torch.no_grad():
        for _ in range(2):
            network.train()(torch.randn(4, 3, 48, 48))
    return network.eval()


def batch_norms(network):
    return [module for module in network.modules() if isinstance(module, _BatchNorm)]


def test_bn_is_removed_folded_and_given_back(network):
    images = torch.randn(4, 3, 48, 48)
    with torch.no_grad():
        expected = network(images)
        folded = remove_batch_norm(copy.deepcopy(network), 'fold')
        torch.testing.assert_close(folded(images), expected, rtol=1e-4, atol=1e-5)
        teacher = calibrate(remove_batch_norm(copy.deepcopy(network)), images)
        start_from_teacher(network, teacher, images)
        torch.testing.assert_close(network(images), teacher(images), rtol=1e-4, atol=1e-5)
    assert not batch_norms(teacher) and not batch_norms(folded)
    layers = [layer for layer in teacher.modules() if isinstance(layer, NoNorm)]
    assert any(isinstance(layer, NoNormAct) for layer in layers)
    assert len(layers) == len(batch_norms(network))
    # The names of weights are those of the BN network.
    assert dict(teacher.named_parameters()).keys() == dict(network.named_parameters()).keys()


def test_where_calibration_fails_the_network_is_as_it_was(network):
    before, images = copy.deepcopy(network), torch.randn(2, 3, 48, 48)
    with pytest.raises(ValueError, match='not finite'):
        remove_batch_norm(network, 'calibrate', [images * torch.nan])
    assert str(network) == str(before)
    with torch.no_grad():
        assert torch.equal(network(images), before(images))


@pytest.mark.parametrize('kind', ['NormFreeClassifier', 'StandardisedClassifier'])
def test_weights_that_timm_loads_itself_count_as_others(network, kind, tmp_path):
    torch.save(network.state_dict(), tmp_path / 'net.pth')
    name = network.pretrained_cfg['architecture']
    backbone = dict(type='TIMMBackbone', model_name=name, num_classes=3)
    file = str(tmp_path / 'net.pth')
    by_itself, stock = (
        MODELS.build(dict(type=kind, weight_standardisation=True, backbone={**backbone, **more}))
        for more in (dict(checkpoint_path=file), {})
    )
    stock.backbone.timm_model.load_state_dict(network.state_dict(), strict=False)
    for model in (by_itself, stock):
        model.init_weights()
    expected = {key: value for key, value in stock.state_dict().items() if 'tracked' not in key}
    assert sum('weight_gain' in key for key in expected) > 5
    found = by_itself.state_dict()
    for key, value in expected.items():
        torch.testing.assert_close(found[key], value)


def test_sync_bn_would_take_the_activations(network):
    check_synchronised(network)
    converted = convert_sync_batchnorm(network, 'torch')
    with pytest.raises(CTError, match='sync_bn makes .* without its drop and act: leave'):
        check_synchronised(converted)


def test_ct_trains_a_backbone_of_timm(tiny, train):
    cfg = tiny()
    backbone = dict(type='TIMMBackbone', model_name='lcnet_035')
    neck = dict(type='GlobalAveragePooling')
    head = dict(type='LinearClsHead', num_classes=10, in_channels=1280)
    cfg.model = dict(type='CTClassifier', backbone=backbone, neck=neck, head=head)
    cfg.train_cfg.max_epochs = 1
    runner = train(cfg)
    assert any(isinstance(layer, NoNormAct) for layer in runner.model.teacher.modules())
    assert torch.isfinite(torch.stack([p.norm() for p in runner.model.parameters()])).all()
