"""Methods in configs: where they are put, and that what they make trains."""

import copy
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.hub import get_config
from mmengine.runner import Runner
from mmpretrain.registry import MODELS

from mmct import config_path
from mmct.cli.train import METHODS as NAMED
from mmct.methods import METHODS, add_methods, register_method
from mmct.models import are_standardised
from mmct.runs import CTError
from mmct.runs.configs import load_config
from mmct.teacher import switch_on_ct, teacher_config
from mmct.teacher.config import TeacherRecipe

STOCK = 'mmpretrain::resnet/resnet18_8xb16_cifar10.py'


def kinds(pipeline):
    return [step['type'].split('.')[-1] for step in pipeline]


def losses(runner):
    """Of the first batch, as the runner trains with it."""
    batch = next(iter(runner.train_dataloader))
    model = runner.model.train()
    data = model.data_preprocessor(batch, True)
    return model.loss(data['inputs'], data['data_samples']), data


@pytest.mark.parametrize('name', METHODS)
@pytest.mark.parametrize('base', ['bn_resnet18_digits', 'ct_resnet18_digits'])
def test_each_trains_alone_and_with_ct(tiny, train, name, base):
    cfg = tiny(base, options={'train_cfg.max_epochs': 1})
    if (name, cfg.model.type) == ('no_bn', 'CTClassifier'):
        with pytest.raises(CTError, match='no_bn needs a model of type .*, not CTClassifier'):
            add_methods(cfg, [name])
        return
    add_methods(cfg, [name])
    runner = train(cfg)
    assert all(torch.isfinite(p).all() for p in runner.model.parameters())
    # What was switched on needs no switch: the dumped config has it.
    again = Config.fromstring(cfg.dump(), '.py')
    assert again.to_dict() == cfg.to_dict()


@pytest.mark.parametrize('name', ['cutout', 'autoaugment', 'randaugment', 'augmix_no_jsd'])
def test_images_are_augmented_just_before_they_are_packed(tiny, name):
    cfg = tiny('bn_resnet18_digits')
    before = copy.deepcopy(cfg)
    add_methods(cfg, [name])
    steps = kinds(cfg.train_dataloader.dataset.pipeline)
    assert len(steps) == 3 and steps[0] == 'RandomCrop' and steps[-1] == 'PackInputs'
    for field in ('val_dataloader', 'model', 'data_preprocessor', 'param_scheduler'):
        assert cfg[field] == before[field]


@pytest.mark.parametrize('name', ['cutout', 'randaugment', 'mixup', 'cutmix'])
def test_a_method_names_the_scope_of_its_parts_in_a_config_of_another(tiny, name):
    cfg = tiny('bn_resnet18_digits')
    cfg.default_scope = 'mmengine'
    del cfg.model.head['loss']
    before = kinds_in(cfg.to_dict())
    added = kinds_in(add_methods(cfg, [name]).to_dict()) - before - {'Mixup', 'CutMix'}
    assert added and all(kind.startswith('mmpretrain.') for kind in added)


def kinds_in(settings):
    if isinstance(settings, dict):
        own = {settings['type']} if isinstance(settings.get('type'), str) else set()
        return own.union(*map(kinds_in, settings.values()))
    return set().union(*map(kinds_in, settings)) if isinstance(settings, (list, tuple)) else set()


def test_the_pipeline_is_found_inside_wrappers(tiny):
    cfg = tiny('bn_resnet18_digits')
    own = cfg.train_dataloader.dataset
    cfg.train_dataloader.dataset = dict(
        type='ConcatDataset',
        datasets=[dict(type='KFoldDataset', dataset=own), dict(type='RepeatDataset', dataset=own)],
    )
    add_methods(cfg, ['augmix_no_jsd'])
    for wrapper in cfg.train_dataloader.dataset.datasets:
        assert 'AugMix' in kinds(wrapper.dataset.pipeline)


def test_cutout_covers_half_the_side_with_the_mean(tiny):
    cfg = tiny('bn_resnet18_digits')
    cfg.data_preprocessor = dict(num_classes=10, mean=[10, 20, 30], std=[1, 1, 1], to_rgb=True)
    step = add_methods(cfg, ['cutout']).train_dataloader.dataset.pipeline[1]
    # 8x8 images; the mean is of RGB, the images are BGR.
    assert step == dict(type='Cutout', shape=4, pad_val=[30, 20, 10], prob=1.0)


def test_cutout_without_a_crop_asks_for_the_size(tiny):
    cfg = tiny('bn_resnet18_digits')
    cfg.train_dataloader.dataset.pipeline.pop(0)
    with pytest.raises(CTError, match=r"cutout needs to know the size.*dict\(type='Cutout'"):
        add_methods(cfg, ['cutout'])


@pytest.mark.parametrize('name', ['mixup', 'cutmix'])
def test_labels_are_mixed(tiny, name):
    torch.manual_seed(0)
    np.random.seed(0)
    runner = Runner.from_cfg(add_methods(tiny('bn_resnet18_digits'), [name]))
    found, data = losses(runner)
    scores = torch.stack([sample.gt_score for sample in data['data_samples']])
    torch.testing.assert_close(scores.sum(1), torch.ones(16))
    assert (scores.max(1)[0] < 1).any()
    logits = runner.model(data['inputs'], mode='tensor')
    expected = -(scores * logits.log_softmax(1)).sum(1).mean()
    torch.testing.assert_close(found['loss'], expected, rtol=1e-3, atol=1e-3)


def test_mixup_and_cutmix_take_turns(tiny):
    cfg = add_methods(tiny('bn_resnet18_digits'), ['mixup', 'cutmix'])
    assert kinds(cfg.model.train_cfg.augments) == ['Mixup', 'CutMix']


def test_the_teacher_sees_the_clean_view_alone_and_once(tiny, tmp_path):
    cfg = add_methods(tiny(), ['augmix'])
    runner = Runner.from_cfg(cfg)
    student = runner.model
    inner = teacher_config(cfg, TeacherRecipe(), str(tmp_path / 'teacher'))
    assert inner.model.head.loss.type == 'JensenShannonLoss', 'the teacher learns with it, too'
    teacher = Runner.from_cfg(Config({**inner, 'experiment_name': 'the_teacher'})).model
    student.attach_teacher(teacher)
    seen = []
    teacher.backbone.register_forward_hook(lambda m, args, out: seen.append(args[0]))
    found, data = losses(runner)
    assert data['inputs'].shape == (48, 3, 8, 8)
    mine = student(data['inputs'], mode='tensor').view(3, 16, 10)
    theirs = teacher(data['inputs'][:16], mode='tensor')
    p = theirs.softmax(-1)
    divergences = (p * (theirs.log_softmax(-1) - mine.log_softmax(-1))).sum(-1)  # (3, 16)
    torch.testing.assert_close(found['loss_consistency'], divergences.mean(), rtol=1e-3, atol=1e-5)
    same = (mine[0].argmax(-1) == theirs.argmax(-1)).float().mean()
    torch.testing.assert_close(found['agreement'], same)
    assert len(seen[0]) <= 16 and all(torch.equal(x, data['inputs'][: len(x)]) for x in seen)


def test_a_method_and_ct_are_switched_on_in_a_stock_config():
    cfg = add_methods(switch_on_ct(get_config(STOCK)), ['augmix'])
    assert cfg.data_preprocessor.type.endswith('MultiViewDataPreprocessor')
    assert cfg.model.head.loss.loss.type == 'CrossEntropyLoss'
    assert 'mmct' in cfg.custom_imports.imports


@pytest.mark.parametrize('once_more', [[], ['standardised_weights', 'no_bn']])
def test_without_bn_a_config_is_the_one_that_ships(once_more):
    cfg = add_methods(load_config(config_path('bn_resnet18_cifar10')), ['no_bn'])
    add_methods(cfg, once_more)
    shipped = load_config(config_path('nobn_resnet18_cifar10'))
    assert cfg.model == shipped.model and cfg.custom_hooks == shipped.custom_hooks


def test_standardised_weights_stand_beside_bn_also_in_the_student(tiny):
    plain, ct = (
        Runner.from_cfg(add_methods(tiny(f'{kind}_resnet18_digits'), ['standardised_weights']))
        for kind in ('bn', 'ct')
    )
    for runner in plain, ct:
        assert are_standardised(runner.model.state_dict())
        assert any(isinstance(m, torch.nn.BatchNorm2d) for m in runner.model.modules())
    assert type(plain.model).__name__ == 'StandardisedClassifier'
    assert type(ct.model).__name__ == 'CTClassifier'


def test_standardised_weights_and_a_teacher_that_folds_are_refused():
    cfg = load_config(config_path('bn_resnet18_cifar10'))
    cfg.load_from = 'weights.pth'
    switch_on_ct(cfg)
    with pytest.raises(CTError, match='does not go with a teacher that folds BN'):
        add_methods(cfg, ['standardised_weights'])


@pytest.mark.parametrize('name', ['no_bn', 'standardised_weights'])
def test_a_method_of_the_network_needs_a_plain_classifier(tiny, name):
    cfg = tiny('bn_resnet18_digits')
    cfg.model.type = 'DomainClassifier'
    before = cfg.to_dict()
    with pytest.raises(CTError, match=f'{name} needs a model of type .*, not DomainClassifier'):
        add_methods(cfg, [name])
    assert cfg.to_dict() == before


@pytest.mark.parametrize('name', ['mixup', 'cutmix', 'augmix'])
def test_a_method_of_the_loss_needs_a_head(tiny, name):
    cfg = tiny('bn_resnet18_digits')
    del cfg.model.head
    with pytest.raises(CTError, match=f'method {name} needs an ImageClassifier with a head: Image'):
        add_methods(cfg, [name])


@pytest.mark.parametrize(
    ('names', 'message'),
    [
        (['augmx'], "no method 'augmx': did you mean 'augmix'"),
        (['augmix', 'mixup'], 'augmix cannot be combined with mixup'),
        (['cutmix', 'augmix'], 'augmix cannot be combined with cutmix'),
        (['adversarial', 'augmix'], 'adversarial cannot be combined with augmix'),
        (['augmix', 'augmix_no_jsd'], 'augmix cannot be combined with augmix_no_jsd'),
    ],
)
def test_what_does_not_go_is_said_before_anything_changes(tiny, names, message):
    cfg = tiny('bn_resnet18_digits')
    before = cfg.to_dict()
    with pytest.raises(CTError, match=message):
        add_methods(cfg, names)
    assert cfg.to_dict() == before


def test_configs_that_a_method_cannot_change_are_refused(tiny):
    with pytest.raises(CTError, match='needs a training config'):
        add_methods(Config(dict(model=dict(type='ImageClassifier'))), ['mixup'])
    cfg = tiny('bn_resnet18_digits')
    cfg.train_dataloader.dataset.pipeline.pop()
    with pytest.raises(CTError, match='must be inserted before PackInputs, but .* has none'):
        add_methods(cfg, ['autoaugment'])
    cfg = tiny('bn_resnet18_digits')
    cfg.data_preprocessor.type = 'SelfSupDataPreprocessor'
    with pytest.raises(CTError, match='needs the ClsDataPreprocessor.*SelfSup'):
        add_methods(cfg, ['augmix'])


def test_each_method_is_documented_and_named_by_the_help():
    assert tuple(METHODS) == NAMED
    text = (Path(__file__).parents[2] / 'docs' / 'methods.md').read_text(encoding='utf-8')
    assert all(f'| `{name}` |' in text for name in METHODS)


def slower(cfg):
    cfg.optim_wrapper.optimizer.lr *= 0.1


def test_a_method_of_ones_own_is_a_change_of_the_config(tiny, monkeypatch):
    monkeypatch.setattr('mmct.methods.switch.METHODS', {**METHODS})
    before = tiny('ct_resnet18_digits').optim_wrapper.optimizer.lr
    with pytest.raises(CTError, match="there is no method 'slower'"):
        add_methods(tiny('ct_resnet18_digits'), ['slower'])
    register_method('slower', slower)
    cfg = add_methods(tiny('ct_resnet18_digits'), ['slower', 'cutout'])
    assert cfg.optim_wrapper.optimizer.lr == pytest.approx(0.1 * before)
    assert 'Cutout' in kinds(cfg.train_dataloader.dataset.pipeline)
    with pytest.raises(ValueError, match="there is a method 'cutout' already"):
        register_method('cutout', slower)


@pytest.mark.parametrize('name', ['mixup', 'cutmix'])
def test_mixed_labels_are_added_where_the_network_reads_them(tiny, name):
    cfg = tiny('bn_resnet18_digits')
    cfg.data_preprocessor.batch_augments = dict(augments=dict(type='ResizeMix', alpha=1.0))
    add_methods(cfg, [name])
    network = MODELS.build({**cfg.model, 'data_preprocessor': {**cfg.data_preprocessor}})
    found = network.data_preprocessor.batch_augments.augments
    assert [type(each).__name__.lower() for each in found] == ['resizemix', name]
    cfg.data_preprocessor.batch_augments.probs = [0.5, 0.5]
    with pytest.raises(CTError, match=f'^method {name} cannot be added to batch_augments with p'):
        add_methods(cfg, [name])
    with pytest.raises(CTError, match='cannot be combined with data_preprocessor.batch_augments'):
        add_methods(cfg, ['augmix'])
