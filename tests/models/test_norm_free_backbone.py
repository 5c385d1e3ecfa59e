"""NormFreeBackbone: a backbone config in, the same backbone without BN out."""

import pytest
import torch
from mmpretrain.models import ImageClassifier, ResNet
from mmpretrain.registry import MODELS
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

RESNET = dict(type='ResNet', depth=18, stem_channels=8, base_channels=8)


@pytest.mark.parametrize('inner', [RESNET, dict(type='ShuffleNetV2', widen_factor=0.5)])
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
        backbone=dict(type='NormFreeBackbone', backbone=RESNET),
        neck=dict(type='GlobalAveragePooling'),
        head=dict(type='LinearClsHead', num_classes=3, in_channels=64),
    )
    assert isinstance(model.backbone, ResNet)
    plain = MODELS.build(RESNET)
    plain.load_state_dict(model.backbone.state_dict(), strict=False)
    for parent in plain.modules():
        for name, child in parent.named_children():
            if isinstance(child, _BatchNorm):
                setattr(parent, name, nn.Identity())
    x = torch.rand(2, 3, 32, 32)
    torch.testing.assert_close(model.backbone(x), plain(x))


def test_refused_without_batch_norm():
    with pytest.raises(ValueError, match='no BatchNorm layer.*found: none'):
        MODELS.build(dict(type='NormFreeBackbone', backbone=dict(type='LeNet5')))
