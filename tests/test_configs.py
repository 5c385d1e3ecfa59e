"""The configs that mmct ships, and configs that build on them."""

from copy import deepcopy
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.dataset import Compose, default_collate
from mmpretrain.models import ImageClassifier
from mmpretrain.registry import DATASETS, HOOKS, MODELS
from PIL import Image
from sklearn.datasets import load_digits
from torch.nn.modules.batchnorm import _BatchNorm

import mmct
from mmct.engine import BaselineHook, NoBNTeacherHook, NoBNTrainingHook, ScorecardHook
from mmct.models import CTClassifier
from mmct.runs.configs import load_config
from mmct.teacher import CONSISTENCY, RECIPE, switch_on_ct, teacher_config

CONFIGS = Path(mmct.config_path('ct_resnet18_digits')).parent
NAMES = sorted(path.stem for path in CONFIGS.glob('*.py'))
FAMILIES = [name.removeprefix('ct_') for name in NAMES if name.startswith('ct_')]
# What an own config is; its hook has to survive.
OWN = """
_base_ = ['mmpretrain::_base_/models/resnet18_cifar.py',
          'mmpretrain::_base_/default_runtime.py']
custom_hooks = [dict(type='EMAHook')]
"""


@cache
def read(name):
    return Config.fromfile(CONFIGS / f'{name}.py')


def load(name):
    return deepcopy(read(name))


def build(cfg):
    model = deepcopy(cfg.model)
    model.data_preprocessor = cfg.get('data_preprocessor')
    return MODELS.build(model)


def shapes(model):
    return {name: value.shape for name, value in model.state_dict().items()}


def write(folder, name, text):
    file = folder / name
    file.write_text(text, encoding='utf-8')
    return file


def test_each_family_is_complete():
    kinds = {f'{kind}_{family}' for kind in ('bn', 'ct', 'nobn') for family in FAMILIES}
    assert set(NAMES) == kinds
    assert {'resnet18_cifar10', 'resnet18_cifar100', 'resnet50_in1k'} < set(FAMILIES)


@pytest.mark.parametrize('name', NAMES)
def test_a_leaf_config_is_its_bases_and_the_differences(name):
    assert len((CONFIGS / f'{name}.py').read_text(encoding='utf-8').splitlines()) <= 20


@pytest.mark.parametrize('family', FAMILIES)
def test_each_config_builds_what_its_name_says(family):
    bn, ct, nobn = (load(f'{kind}_{family}') for kind in ('bn', 'ct', 'nobn'))
    plain, student, normless = (build(cfg) for cfg in (bn, ct, nobn))
    assert type(plain) is ImageClassifier
    assert type(student) is CTClassifier
    assert not any(isinstance(module, _BatchNorm) for module in normless.modules())
    # A student's checkpoint is one of the stock model.
    assert shapes(student) == shapes(plain)
    assert any(isinstance(module, _BatchNorm) for module in student.modules())
    # The demo ends with a baseline and a scorecard.
    scored = [BaselineHook, ScorecardHook] if family == 'resnet18_digits' else []
    assert [type(HOOKS.build(hook)) for hook in ct.custom_hooks] == [NoBNTeacherHook, *scored]
    assert [type(HOOKS.build(hook)) for hook in nobn.custom_hooks] == [NoBNTrainingHook]
    assert not bn.get('custom_hooks')


@pytest.mark.parametrize('family', FAMILIES)
def test_the_kinds_of_a_family_differ_only_in_what_ct_needs(family):
    bn, ct, nobn = (load(f'{kind}_{family}').to_dict() for kind in ('bn', 'ct', 'nobn'))
    if family.endswith('digits'):
        # In so few epochs a network without BN learns better by AdamW; in those of the studies it
        # has a smaller rate, as the batches are small.
        free, usual = nobn['optim_wrapper'].pop('optimizer'), bn['optim_wrapper']['optimizer']
        assert free['type'] == 'AdamW' or free == {**usual, 'lr': 0.05}
        assert (free['type'] == 'AdamW') == (family == 'resnet18_digits')
        assert bn['optim_wrapper'].pop('optimizer') == ct['optim_wrapper'].pop('optimizer')
    assert ct['model'].pop('consistency') == CONSISTENCY
    assert nobn['model'].pop('weight_standardisation') is True
    for cfg in (bn, ct, nobn):
        cfg['model'].pop('type')
        for key in ('custom_hooks', 'custom_imports', 'ct_teacher', 'ct_student'):
            cfg.pop(key, None)
    assert ct == bn
    assert nobn == bn


@pytest.mark.parametrize('family', FAMILIES)
def test_the_config_without_bn_trains_what_the_hook_trains(family, tmp_path):
    ct, alone = load(f'ct_{family}'), load(f'nobn_{family}')
    # A config of a teacher alone is as long as that of its student.
    recipe = replace(HOOKS.build(ct.custom_hooks[0]).recipe, length=1)
    teacher = teacher_config(ct, recipe, str(tmp_path))
    parts = ('model', 'data_preprocessor', 'train_dataloader', 'train_cfg', 'optim_wrapper',
             'param_scheduler')  # fmt: skip
    assert {part: teacher.get(part) for part in parts} == {p: alone.get(p) for p in parts}
    mine, theirs = (HOOKS.build(cfg.custom_hooks[-1]) for cfg in (alone, teacher))
    assert vars(mine) == vars(theirs)


def test_a_foreign_project_inherits_by_an_expression(tmp_path):
    text = """
_base_ = [__import__('mmct').config_path('ct_resnet18_cifar10.py')]
model = dict(head=dict(num_classes=3))
custom_hooks = [dict(type='NoBNTeacherHook', max_epochs=7)]
"""
    cfg = Config.fromfile(write(tmp_path, 'foreign.py', text))
    student = build(cfg)
    assert type(student) is CTClassifier
    assert student.head.fc.out_features == 3
    assert HOOKS.build(cfg.custom_hooks[0]).recipe.max_epochs == 7
    ours = load('ct_resnet18_cifar10')
    assert cfg.train_dataloader == ours.train_dataloader
    assert cfg.param_scheduler == ours.param_scheduler


def test_three_lines_switch_ct_on_in_an_own_config(tmp_path):
    own = write(tmp_path, 'my_config.py', OWN)
    text = """
_base_ = 'my_config.py'
custom_imports = dict(imports=['mmct'], allow_failed_imports=False)
model = dict(
    type='CTClassifier',
    consistency=dict(distance='cosine', stage='pre_logits', loss_weight=10.0),
)
custom_hooks = [
    *_base_.custom_hooks,
    dict(type='NoBNTeacherHook', length=2, weight_standardisation=True,
         student_start='teacher', student_lr_mult=0.1),
]
"""
    by_hand = Config.fromfile(write(tmp_path, 'my_ct_config.py', text))
    assert type(build(by_hand)) is CTClassifier
    assert by_hand.to_dict() == switch_on_ct(Config.fromfile(own)).to_dict()


def test_the_configs_and_the_switch_have_one_recipe():
    cfg = load('ct_resnet18_cifar10')
    assert cfg.ct_teacher == dict(type='NoBNTeacherHook', **RECIPE)
    assert cfg.ct_student == dict(type='CTClassifier', consistency=CONSISTENCY)


@pytest.mark.parametrize('imports', ['my_mmct_tools', ['my_mmct_tools'], 'mmct', ['mmct', 'json']])
def test_the_switch_imports_mmct_beside_what_is_imported(tmp_path, imports):
    cfg = Config.fromfile(write(tmp_path, 'my_config.py', OWN))
    cfg.custom_imports = dict(imports=imports, allow_failed_imports=True)
    names = switch_on_ct(cfg).custom_imports['imports']
    names = [names] if isinstance(names, str) else names
    assert names.count('mmct') == 1
    assert {*names} == {*([imports] if isinstance(imports, str) else imports), 'mmct'}
    assert cfg.custom_imports['allow_failed_imports'] is True


@pytest.fixture
def cifar_folder(tmp_path):
    """Two images a class, as mirrors of CIFAR-10 have them, and the arrays."""
    rng = np.random.default_rng(0)
    images = {}
    for split in ('train', 'test'):
        for label, name in enumerate(('airplane', 'automobile')):
            folder = tmp_path / split / name
            folder.mkdir(parents=True)
            for index in range(2):
                image = rng.integers(0, 256, (32, 32, 3), dtype=np.uint8)
                Image.fromarray(image, 'RGB').save(folder / f'{index}.png')
                images[split, label, index] = image
    return tmp_path, images


def inputs(cfg, items):
    """What a model gets of these items."""
    return build(cfg).data_preprocessor(default_collate(items), False)


@pytest.mark.parametrize('kind', ['bn', 'ct', 'nobn'])
def test_cifar10_as_a_folder_gives_the_tensors_of_the_arrays(kind, cifar_folder):
    root, images = cifar_folder
    cfg = load(f'{kind}_resnet18_cifar10_folder')
    cfg.test_dataloader.dataset.data_root = str(root)
    dataset = DATASETS.build(cfg.test_dataloader.dataset)
    from_files = inputs(cfg, list(dataset))

    arrays = load(f'{kind}_resnet18_cifar10')
    pipeline = Compose(arrays.test_dataloader.dataset.pipeline)
    test = {key[1:]: image for key, image in images.items() if key[0] == 'test'}
    items = [pipeline(dict(img=image, gt_label=key[0])) for key, image in test.items()]
    from_arrays = inputs(arrays, items)

    assert torch.equal(from_files['inputs'], from_arrays['inputs'])
    labels = [int(sample.gt_label) for sample in from_files['data_samples']]
    assert labels == [key[0] for key in test]
    # Mean and deviation of CIFAR-10 in the order red, green, blue.
    red = (test[0, 0][..., 0].astype(np.float32) - 125.307) / 51.5865
    np.testing.assert_allclose(from_files['inputs'][0, 0].numpy(), red, rtol=1e-4, atol=1e-5)


def test_cifar10_as_a_folder_is_augmented_as_the_arrays_are(cifar_folder):
    root, images = cifar_folder
    cfg, arrays = load('ct_resnet18_cifar10_folder'), load('ct_resnet18_cifar10')
    cfg.train_dataloader.dataset.data_root = str(root)
    pipelines = [c.train_dataloader.dataset.pipeline for c in (cfg, arrays)]
    for step in pipelines[0]:
        step.pop('_scope_', None)
    assert pipelines[0] == [dict(type='LoadImageFromFile'), *pipelines[1]]
    cfg = load('ct_resnet18_cifar10_folder')
    cfg.train_dataloader.dataset.data_root = str(root)
    dataset = DATASETS.build(cfg.train_dataloader.dataset)
    assert len(dataset) == 4
    assert dataset.metainfo['classes'] == ('airplane', 'automobile')
    assert dataset[3]['inputs'].shape == (3, 32, 32)
    assert arrays.train_dataloader.batch_size == cfg.train_dataloader.batch_size


def test_the_mean_and_deviation_of_digits_are_those_of_the_training_images():
    cfg = load('ct_resnet18_digits')
    images = np.round(load_digits().images[:1347] * 255 / 16)
    assert cfg.data_preprocessor.mean == pytest.approx([images.mean()] * 3, abs=0.05)
    assert cfg.data_preprocessor.std == pytest.approx([images.std()] * 3, abs=0.05)


def test_digits_trains_on_one_part_and_validates_on_the_other():
    cfg = load('ct_resnet18_digits')
    train, val = (DATASETS.build(cfg[f'{s}_dataloader'].dataset) for s in ('train', 'val'))
    assert (len(train), len(val)) == (1347, 450)
    assert train[0]['inputs'].shape == val[0]['inputs'].shape == (3, 8, 8)
    assert cfg.test_dataloader == cfg.val_dataloader


def test_of_the_controls_two_differ_from_ct_in_bn_alone_and_the_others_are_plain():
    hooks = {}
    for name, arm in load_config(str(CONFIGS / 'studies' / 'digits_table.py')).arms.items():
        for overlay in arm['overlay']:
            for hook in overlay.get('custom_hooks', []):
                if hook['type'] == 'NoBNTeacherHook':
                    hooks[name] = hook
    for name in ("BN teacher, trained as CT's", 'BN teacher + standardised weights'):
        assert hooks.pop(name) == {**hooks['CT'], 'remove_bn': False}
    assert hooks['CT + standardised weights'] == hooks['CT']
    controls = [hook for name, hook in hooks.items() if name.startswith('BN teacher')]
    assert len(controls) >= 5
    assert all(hook['remove_bn'] is hook['weight_standardisation'] is False for hook in controls)
