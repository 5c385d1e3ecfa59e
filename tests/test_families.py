"""CT for mmpretrain's own configs of other architectures."""

from copy import deepcopy

import numpy as np
import pytest
import torch
from mmengine.hooks import Hook
from mmengine.runner import Runner
from mmpretrain.registry import MODELS
from PIL import Image
from torch.nn.modules.batchnorm import _BatchNorm

from mmct.cli.training import set_teacher_options
from mmct.models import CTClassifier, NormFreeClassifier
from mmct.runs.configs import load_config
from mmct.teacher import switch_on_ct

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures('rehearsed')]

NUM_CLASSES = 2


def head(in_channels):
    return dict(num_classes=NUM_CLASSES, in_channels=in_channels, topk=(1,))


# Config, what makes it small, and the size of its images.
FAMILIES = {
    'vgg': (
        'vgg/vgg11bn_8xb32_in1k.py',
        dict(
            # Its own classifier needs 224 x 224 pixels.
            backbone=dict(num_classes=-1),
            neck=dict(_delete_=True, type='GlobalAveragePooling'),
            head=dict(
                _delete_=True,
                type='LinearClsHead',
                loss=dict(type='CrossEntropyLoss'),
                **head(512),
            ),
        ),
        32,
    ),
    'mobilenet_v2': (
        'mobilenet_v2/mobilenet-v2_8xb32_in1k.py',
        dict(backbone=dict(widen_factor=0.1), head=head(1280)),
        32,
    ),
    'densenet': (
        'densenet/densenet121_4xb256_in1k.py',
        dict(
            backbone=dict(
                arch=dict(_delete_=True, growth_rate=4, depths=[1, 2, 2, 1], init_channels=8)
            ),
            head=head(11),
        ),
        32,
    ),
    'seresnet': (
        'seresnet/seresnet50_8xb32_in1k.py',
        dict(backbone=dict(stem_channels=8, base_channels=8), head=head(256)),
        32,
    ),
    'repvgg': (
        'repvgg/repvgg-A0_8xb32_in1k.py',
        dict(
            backbone=dict(
                arch=dict(
                    _delete_=True,
                    num_blocks=[1, 2, 1, 1],
                    width_factor=[0.25, 0.25, 0.25, 0.25],
                    group_layer_map=None,
                    se_cfg=None,
                )
            ),
            head=head(128),
        ),
        32,
    ),
}


class Snapshot(Hook):
    """Keeps the weights that training begins with."""

    def before_train(self, runner):
        self.weights = deepcopy(runner.model.state_dict())


@pytest.fixture(scope='module')
def images(tmp_path_factory):
    """A folder with two classes of four images: dark and bright ones."""
    root = tmp_path_factory.mktemp('images')
    rng = np.random.default_rng(0)
    for label in range(NUM_CLASSES):
        folder = root / f'class{label}'
        folder.mkdir()
        for index in range(4):
            image = rng.integers(100 * label, 100 * label + 100, (80, 80, 3))
            Image.fromarray(image.astype(np.uint8), 'RGB').save(folder / f'{index}.png')
    return root


def shrunk(path, model, size, images, work_dir):
    """mmpretrain's config with a small net and a few small images."""
    cfg = load_config(f'mmpretrain::{path}')
    data = dict(batch_size=4, num_workers=0, collate_fn=dict(type='default_collate'))
    for split in ('train', 'val'):
        pipeline = deepcopy(cfg[f'{split}_dataloader'].dataset.pipeline)
        for step in pipeline:
            step.update({key: size for key in ('scale', 'crop_size') if key in step})
        dataset = dict(type='CustomDataset', data_root=str(images), pipeline=pipeline)
        cfg[f'{split}_dataloader'].update(data)
        cfg[f'{split}_dataloader'].dataset = dataset
    cfg.merge_from_dict(dict(
        model=model,
        val_evaluator=dict(topk=(1,)),
        work_dir=str(work_dir),
        train_cfg=dict(max_epochs=1),
        default_hooks=dict(logger=dict(interval=1), checkpoint=dict(save_optimizer=False)),
        optim_wrapper=dict(optimizer=dict(lr=0.01)),
        randomness=dict(seed=0),
    ))
    cfg.test_dataloader = cfg.test_cfg = cfg.test_evaluator = None
    return cfg


def batch_norms(model):
    return [name for name, module in model.named_modules() if isinstance(module, _BatchNorm)]


def check_trained(runner, before, stock, steps):
    """CT was trained: finite terms, a changed student, a stock checkpoint."""
    student = runner.model
    assert type(student) is CTClassifier
    assert type(student.teacher) is NormFreeClassifier
    assert not batch_norms(student.teacher)
    assert runner.iter == steps
    for name in ('loss', 'loss_consistency'):
        history = runner.message_hub.get_scalar(f'train/{name}')._log_history
        assert len(history) == steps
        assert np.isfinite(history).all()
    # At first it may be zero: the student starts from its teacher.
    assert history[1:].min() > 0
    after = student.state_dict()
    assert set(after) == set(before)
    moved = {name for name in after if not torch.equal(after[name], before[name])}
    assert moved >= {name for name in after if name.endswith('running_var')}
    assert any('conv' in name or 'features' in name for name in moved)
    assert all(torch.isfinite(value).all() for value in after.values())
    network = MODELS.build(stock)
    network.load_state_dict(after, strict=True)
    assert batch_norms(network)


def train_with_ct(cfg, **teacher):
    """The runner after training, and the weights that the student began with."""
    switch_on_ct(cfg)
    set_teacher_options(cfg, on_weak_teacher='warn', **teacher)
    runner, snapshot = Runner.from_cfg(cfg), Snapshot()
    runner.register_hook(snapshot)
    runner.train()
    return runner, snapshot.weights


@pytest.mark.parametrize('family', FAMILIES)
def test_ct_trains_a_family_of_mmpretrain(family, images, tmp_path):
    cfg = shrunk(*FAMILIES[family], images, tmp_path)
    stock = deepcopy(cfg.model)
    check_trained(*train_with_ct(cfg), stock, steps=2)
    assert (tmp_path / 'ct_result.json').is_file()


def test_ct_trains_by_iterations(images, tmp_path):
    cfg = shrunk(*FAMILIES['mobilenet_v2'], images, tmp_path)
    stock = deepcopy(cfg.model)
    cfg.train_cfg = dict(by_epoch=False, max_iters=3, val_interval=3)
    cfg.param_scheduler = dict(type='CosineAnnealingLR', by_epoch=False, T_max=3)
    cfg.train_dataloader.sampler = dict(type='InfiniteSampler', shuffle=True)
    cfg.default_hooks.checkpoint.update(by_epoch=False, interval=3)
    check_trained(*train_with_ct(cfg, max_iters=1), stock, steps=3)
    assert (tmp_path / 'iter_3.pth').is_file()
    assert (tmp_path / 'teacher' / 'iter_1.pth').is_file()
