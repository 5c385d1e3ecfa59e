"""NormFreeClassifier: BatchNorm is gone from backbone, neck and head."""

import pytest
import torch
from mmengine.optim import OptimWrapper
from mmpretrain.registry import MODELS
from mmpretrain.structures import DataSample
from torch.nn.modules.batchnorm import _BatchNorm

from mmct.models import NoNorm

CONFIG = dict(
    backbone=dict(type='ResNet_CIFAR', depth=18, stem_channels=8, base_channels=8),
    neck=dict(
        type='LinearNeck', in_channels=64, out_channels=16, gap_dim=2, norm_cfg=dict(type='BN1d')
    ),
    head=dict(type='VigClsHead', in_channels=16, hidden_dim=8, num_classes=3),
)


def test_removed_when_built_with_the_names_of_the_bn_net():
    bn = MODELS.build(dict(type='ImageClassifier', **CONFIG))
    model = MODELS.build(dict(type='NormFreeClassifier', **CONFIG))
    assert isinstance(model.neck.norm, NoNorm)
    assert isinstance(model.head.bn, NoNorm)
    assert not any(isinstance(module, _BatchNorm) for module in model.modules())
    assert list(model.state_dict()) == [name for name, _ in bn.named_parameters()]
    norms = [module for module in model.modules() if isinstance(module, NoNorm)]
    assert all((norm.weight == 1).all() and (norm.bias == 0).all() for norm in norms)


def test_it_trains_and_predicts():
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


def test_a_network_without_batch_norm():
    backbone = dict(type='MlpMixer', arch='s', img_size=32, patch_size=16)
    with pytest.raises(ValueError, match='normalisation layers found: LayerNorm'):
        MODELS.build(dict(type='NormFreeClassifier', backbone=backbone))
