"""The loop over cells has the scores of mmengine's own, whatever holds the images."""

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.registry import DATASETS
from mmengine.runner import Runner
from PIL import Image
from small_network import OPTIONS
from torch import nn

from mmct import config_path
from mmct.corruptions import corrupt

NAMES = ('fog', 'contrast')
SIZE, COUNT = 16, 30


@pytest.fixture(scope='module')
def sets(tmp_path_factory):
    """The same coloured images as arrays, as folders, and clean."""
    root = tmp_path_factory.mktemp('sets')
    rng = np.random.default_rng(0)
    tint = rng.integers(0, 256, (COUNT, 1, 1, 3))
    images = ((rng.integers(0, 256, (COUNT, SIZE, SIZE, 3)) + 3 * tint) // 4).astype(np.uint8)
    labels = np.sort(np.arange(COUNT) % 10)
    save(root / 'clean', images, labels)
    (root / 'arrays').mkdir()
    for name in NAMES:
        made = [corrupt(images, name, severity) for severity in range(1, 6)]
        np.save(root / 'arrays' / f'{name}.npy', np.concatenate(made))
        for severity, part in enumerate(made, 1):
            save(root / 'folders' / name / str(severity), part, labels)
    np.save(root / 'arrays' / 'labels.npy', np.tile(labels, 5))
    return root


def save(folder, images, labels):
    for i, (image, label) in enumerate(zip(images, labels, strict=True)):
        file = folder / str(label) / f'{i:03}.png'
        file.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(file)


def scores_of(root, work_dir, dataset, to_rgb, loop='CorruptionTestLoop', **test_cfg):
    cfg = Config.fromfile(config_path('bn_resnet18_digits'))
    cfg.merge_from_dict({
        **OPTIONS,
        'log_level': 'WARNING',
        'work_dir': str(work_dir),
    })
    # Other numbers for each channel: a wrong order changes the scores.
    cfg.data_preprocessor.update(
        mean=[120.0, 90.0, 60.0], std=[70.0, 50.0, 30.0], to_rgb=to_rgb
    )
    cfg.test_dataloader = dict(
        batch_size=8,
        num_workers=0,
        sampler=dict(type='DefaultSampler', shuffle=False),
        collate_fn=dict(type='default_collate'),
        dataset=dataset,
    )
    cfg.test_evaluator = dict(type='CorruptionError')
    if loop == 'CorruptionTestLoop':
        test_cfg['report'] = False
    cfg.test_cfg = dict(type=loop, **test_cfg)
    runner = Runner.from_cfg(cfg)
    spread(runner.model, np.load(root / 'arrays' / 'contrast.npy')[:COUNT])
    return runner.test()


def spread(model, images):
    """Make a network at random tell the images apart: by its BatchNorm's statistics."""
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = 1.0
    inputs = torch.from_numpy(images).permute(0, 3, 1, 2).float()
    inputs = (inputs - torch.tensor([120.0, 90.0, 60.0])[:, None, None]) / 50
    with torch.no_grad():
        scores = model.train()(inputs, mode='tensor')
    model.head.fc.weight.data *= 40
    model.head.fc.bias.data = -40 * scores.mean(0)


def arrays(root, order):
    return dict(
        type='ArrayCorruptionSet', data_root=str(root / 'arrays'), corruptions=NAMES,
        channel_order=order,
    )  # fmt: skip


def folders(root, order):
    return dict(
        type='FolderCorruptionSet', data_root=str(root / 'folders'), corruptions=NAMES,
        channel_order=order,
    )  # fmt: skip


def generated(root, order):
    # mmcv reads files as BGR.
    files = dict(
        type='CustomDataset',
        data_root=str(root / 'clean'),
        pipeline=[dict(type='LoadImageFromFile'), dict(type='PackInputs')],
    )
    return dict(type='GeneratedCorruptionSet', corruptions=NAMES, dataset=files)


@pytest.mark.parametrize('kind', [arrays, folders, generated])
def test_scores_are_those_of_the_stock_loop(sets, tmp_path, kind):
    dataset = kind(sets, 'bgr')
    ours = scores_of(sets, tmp_path / 'ours', dataset, to_rgb=True)
    stock = scores_of(sets, tmp_path / 'stock', dataset, to_rgb=True, loop='mmengine.TestLoop')
    # Generated ones know their clean images; the stock loop has cells alone.
    clean = {key for key in ours if 'clean' in key or 'gap' in key}
    assert ours.keys() - clean == stock.keys() - clean
    assert len(stock) >= 5
    for key in stock.keys() - clean:
        tolerance = 1e-3 if 'calibration' in key or 'ece' in key else 1e-9
        assert ours[key] == pytest.approx(stock[key], abs=tolerance), key
    assert 0 < ours['corruption/raw_mce_pct'] < 100


@pytest.mark.parametrize('loop', ['CorruptionTestLoop', 'mmengine.TestLoop'])
def test_channel_order_and_kind_of_set_do_not_change_the_scores(sets, tmp_path, loop):
    found = [
        scores_of(sets, tmp_path / str(number), dataset, to_rgb, loop)
        for number, (dataset, to_rgb) in enumerate([
            (arrays(sets, 'rgb'), False),
            (arrays(sets, 'bgr'), True),
            (folders(sets, 'rgb'), False),
            (folders(sets, 'bgr'), True),
            (generated(sets, 'bgr'), True),
        ])
    ]
    key = 'corruption/error_pct/contrast'
    assert len({scores[key] for scores in found}) == 1
    wrong = scores_of(sets, tmp_path / 'wrong', arrays(sets, 'rgb'), True, loop)
    assert wrong[key] != found[0][key]


def test_a_pipeline_of_the_config_is_not_ignored(sets, tmp_path):
    resized = dict(pipeline=[dict(type='Resize', scale=(8, 8)), dict(type='PackInputs')])
    ours = scores_of(sets, tmp_path / 'ours', arrays(sets, 'rgb') | resized, False)
    as_it_is = scores_of(sets, tmp_path / 'plain', arrays(sets, 'rgb'), False)
    assert ours != as_it_is


def test_clean_images_from_a_set_of_their_own(sets, tmp_path):
    clean = generated(sets, 'bgr')['dataset']
    ours = scores_of(sets, tmp_path / 'ours', arrays(sets, 'bgr'), True, clean=clean)
    theirs = scores_of(sets, tmp_path / 'theirs', generated(sets, 'bgr'), True)
    key = 'corruption/clean_error_pct'
    assert ours[key] == theirs[key]
    assert key not in scores_of(sets, tmp_path / 'none', arrays(sets, 'bgr'), True)


@pytest.mark.parametrize(
    'change, said',
    [
        (dict(dataset=dict(type='Digits', split='test')), 'must be a corruption set'),
        (dict(indices=3), 'all images of each cell'),
    ],
)
def test_other_data_is_refused(sets, tmp_path, change, said):
    dataset = change.get('dataset') or arrays(sets, 'rgb') | change
    with pytest.raises(ValueError, match=said):
        scores_of(sets, tmp_path, dataset, False)


def test_the_sets_can_be_built_by_their_names():
    for name in ('CIFAR10C', 'CIFAR100C', 'ImageNetC', 'TinyImageNetC', 'GeneratedCorruptionSet'):
        assert DATASETS.get(f'mmpretrain.{name}') is not None
