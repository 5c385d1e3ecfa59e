"""BN removal and CT on every backbone that holds BatchNorm."""

import logging
import math
import sys
from pathlib import Path

import pytest
import torch
from mmpretrain.registry import MODELS
from torch.nn.modules.batchnorm import _BatchNorm

import mmct.models.backbones
from mmct.runs.configs import load_config

sys.path.insert(0, str(Path(__file__).parents[1] / 'benchmarks'))
from architectures import (
    ARCHITECTURES,
    LEFT_OUT,
    NO_BATCH_NORM,
    after,
    mentioning_batch_norm,
    prove,
)

pytestmark = pytest.mark.slow

# A stock config of each that is left out since it has none.
STOCK = {
    'DaViT': 'davit/davit-tiny_4xb256_in1k.py',
    'PCPVT': 'twins/twins-pcpvt-small_8xb128_in1k.py',
    'SVT': 'twins/twins-svt-small_8xb128_in1k.py',
    'SwinTransformer': 'swin_transformer/swin-tiny_16xb64_in1k.py',
    'SwinTransformerV2': 'swin_transformer_v2/swinv2-tiny-w8_16xb64_in1k-256px.py',
}

# The slowest, which learn within half of the steps. A graph of nearest neighbours (PyramidVig,
# Vig) makes jumps, so that how near a start is to its teacher depends on the steps.
QUICK = {
    'EfficientNet', 'EfficientNetV2', 'HRNet', 'InceptionV3', 'MobileViT', 'RegNet',
    'Res2Net', 'ResNeSt', 'ResNeXt', 'SEResNet', 'SEResNeXt', 'VGG',
}  # fmt: skip


@pytest.fixture(scope='module', autouse=True)
def silent():
    """Each network would log how each of its parameters starts."""
    logging.disable(logging.INFO)
    yield
    logging.disable(logging.NOTSET)


def test_no_backbone_is_forgotten():
    ours = set(mmct.models.backbones.__all__)
    assert ours < set(ARCHITECTURES)
    assert set(ARCHITECTURES) - ours | set(LEFT_OUT) == mentioning_batch_norm()
    assert not set(ARCHITECTURES) & set(LEFT_OUT)
    assert set(ARCHITECTURES) > QUICK


@pytest.mark.parametrize('name', ARCHITECTURES)
def test_an_architecture_bears_the_removal_and_learns_from_its_teacher(name):
    steps = 8 if name in QUICK else 16
    proof = prove(name, steps=steps)
    assert proof.batch_norms > 0
    assert proof.left == 0
    assert proof.fold_error < 1e-4
    assert proof.start_error < 1e-4
    assert proof.identity.isfinite().all()
    for losses in (proof.teacher, proof.student):
        assert len(losses) == steps
        assert all(math.isfinite(loss) for loss in losses)
        assert after(losses) < losses[0]


@pytest.mark.parametrize('name', [n for n, why in LEFT_OUT.items() if why == NO_BATCH_NORM])
def test_what_is_said_to_have_no_batch_norm_has_none(name):
    model = load_config(f'mmpretrain::{STOCK[name]}').model
    assert model.backbone.type == name
    backbone = MODELS.build(model.backbone)
    assert not any(isinstance(module, _BatchNorm) for module in backbone.modules())


@pytest.mark.parametrize('name', [n for n, why in LEFT_OUT.items() if why != NO_BATCH_NORM])
def test_what_is_said_to_need_a_mask_needs_one(name):
    settings = {'SparseResNet': dict(depth=50), 'SparseConvNeXt': dict(arch='small')}
    backbone = MODELS.build(dict(type=name, **settings[name]))
    with pytest.raises(AttributeError, match='NoneType'):
        backbone(torch.randn(2, 3, 64, 64))
