"""Configs as projects have them: schedules, heads and hooks of mmpretrain beside CT's."""

import copy

import pytest
import torch
from mmengine.config import ConfigDict
from mmpretrain.registry import HOOKS
from tool_runs import TRAIN, run

import mmct
from mmct.methods import add_methods
from mmct.models.build import build_classifier
from mmct.runs import CTError
from mmct.runs.configs import load_config
from mmct.runs.errors import one_line
from mmct.runs.weights import load
from mmct.teacher import TeacherRecipe, teacher_config
from mmct.teacher.config import baseline_config

FREE = TeacherRecipe(length=2, weight_standardisation=True)


def test_a_checkpoint_with_a_one_cycle_schedule_is_loaded_and_resumed(tiny, train):
    cycle = dict(type='OneCycleLR', eta_max=0.1, total_steps=2)
    keeps = {
        'default_hooks.checkpoint.type': 'ResumableCheckpointHook',
        'default_hooks.checkpoint.interval': 1,
        'default_hooks.checkpoint.max_keep_ckpts': 2,
    }
    cfg = tiny('bn_resnet18_digits', options={**keeps, 'param_scheduler': [cycle]})
    whole = train(cfg).model.state_dict()
    first = f'{cfg.work_dir}/epoch_1.pth'
    assert 'last_step' in load(first)['param_schedulers'][0]
    cfg.work_dir += '_resumed'
    cfg.resume, cfg.load_from = True, first
    resumed = train(cfg).model.state_dict()
    for name, value in whole.items():
        assert torch.equal(value, resumed[name]), name


def test_a_schedule_of_recipes_is_stretched_and_gets_the_method_too(tiny):
    cfg = tiny()
    pack = cfg.train_dataloader.dataset.pipeline[-1]
    crop = dict(type='RandomCrop', crop_size=8)
    switch = dict(action_epoch=3, train_pipeline=[crop, pack])
    average = ConfigDict(type='EMAHook', begin_epoch=1, priority='NORMAL')
    cfg.custom_hooks.append(average)
    cfg.custom_hooks.append(ConfigDict(type='SwitchRecipeHook', schedule=[switch]))
    cfg.train_dataloader.dataset.pipeline = [ConfigDict(crop), pack]
    add_methods(cfg, ['cutout'])
    (later,) = cfg.custom_hooks[-1].schedule
    for pipeline in (later.train_pipeline, cfg.train_dataloader.dataset.pipeline):
        assert [step.type for step in pipeline] == ['RandomCrop', 'Cutout', 'PackInputs']
    teacher = teacher_config(cfg, FREE, 'w')
    # Epochs 1 and 2 of two become 1 to 4 of four, and mmpretrain's hook takes it so.
    (hook,) = (HOOKS.build(h) for h in teacher.custom_hooks if h.type == 'SwitchRecipeHook')
    assert list(hook.schedule) == [5]
    assert later.action_epoch == 3
    # The baseline, which is twice as long, is averaged from the same part on.
    assert baseline_config(cfg, None, 'w').custom_hooks[-1].begin_epoch == 2
    assert average.begin_epoch == 1
    # The teacher's own begins where its settings say, in the teacher's epochs.
    own = TeacherRecipe(length=2, ema=dict(begin_epoch=3))
    assert teacher_config(cfg, own, 'w').custom_hooks[-1]['begin_epoch'] == 3
    later.batch_augments = None
    for method in ('mixup', 'augmix'):
        with pytest.raises(CTError, match=f'{method} would end where SwitchRecipeHook sets batch_'):
            add_methods(copy.deepcopy(cfg), [method])


def test_frozen_bn_that_is_traced_is_not_the_teachers(tiny):
    cfg = tiny(options={'efficient_conv_bn_eval': ['backbone']})
    assert teacher_config(cfg, FREE, 'w').efficient_conv_bn_eval is None
    with_bn = TeacherRecipe(remove_bn=False)
    assert teacher_config(cfg, with_bn, 'w').efficient_conv_bn_eval == ['backbone']
    both = TeacherRecipe(remove_bn=False, weight_standardisation=True)
    assert teacher_config(cfg, both, 'w').efficient_conv_bn_eval is None


@pytest.mark.parametrize('place', ['model.pretrained', 'model.backbone.checkpoint_path'])
def test_from_scratch_forgets_each_way_to_name_weights(tiny, place):
    cfg = tiny(options={place: 'nowhere.pth'})
    *owner, name = place.split('.')[1:]
    for scratch in (True, False):
        found = teacher_config(cfg, TeacherRecipe(from_scratch=scratch), 'w').model
        assert (name in (found[owner[0]] if owner else found)) is not scratch


def test_mixing_labels_goes_with_heads_that_compute_no_accuracy(tiny):
    cfg = tiny('bn_resnet18_digits')
    cfg.model.head = dict(type='MultiLabelLinearClsHead', num_classes=10, in_channels=64)
    add_methods(cfg, ['mixup'])
    assert 'cal_acc' not in cfg.model.head
    assert build_classifier(cfg).head.loss_module.use_sigmoid
    with pytest.raises(CTError, match='MultiLabelLinearClsHead: use augmix_no_jsd'):
        other = tiny('bn_resnet18_digits')
        other.model.head = dict(type='MultiLabelLinearClsHead', num_classes=10, in_channels=64)
        add_methods(other, ['augmix'])


@pytest.mark.parametrize('use_soft', [False, True])
def test_a_multi_label_head_with_a_softmax_has_one_class_per_image(tiny, use_soft):
    cfg = tiny()
    loss = dict(type='CrossEntropyLoss', use_soft=use_soft, use_sigmoid=not use_soft)
    head = dict(type='MultiLabelLinearClsHead', num_classes=10, loss=loss)
    cfg.model.head = {**head, 'in_channels': cfg.model.head.in_channels}
    assert build_classifier(cfg)._multi_label is not use_soft


def test_what_trains_nothing_is_said(tmp_path):
    base = mmct.config_path('bn_resnet18_digits')
    tests_only = 'train_dataloader = train_cfg = optim_wrapper = None\nparam_scheduler = None\n'
    (tmp_path / 'tests.py').write_text(f'_base_ = {base!r}\n{tests_only}')
    found = run(TRAIN, 'tests.py', cwd=tmp_path)
    assert (found.code, len(found.err.splitlines())) == (2, 1)
    assert 'trains nothing: set train_dataloader, train_cfg, optim_wrapper' in found.err
    found = run(TRAIN, base, '--cfg-options', 'train_dataloader.batch_size=3000',
                'train_dataloader.drop_last=True', cwd=tmp_path)  # fmt: skip
    assert found.code == 2 and 'train_dataloader has no batch: ' in found.err
    found = run(TRAIN, base, '--cfg-options', "model.train_cfg.augments=[dict(type='Mixup')]",
                cwd=tmp_path)  # fmt: skip
    assert found.code == 2 and 'model.train_cfg.augments: ' in found.err
    assert 'write it in quotes' in found.err


def test_the_name_of_a_config_that_mmengine_cannot_inherit_from(tmp_path):
    for bases in ("'mmct::ct_resnet18_digits.py'", "['mmct::ct_resnet18_digits.py']"):
        (tmp_path / 'own.py').write_text(f'_base_ = {bases}\n')
        with pytest.raises(CTError, match=r"cannot inherit .*import__\('mmct'\).config_path") as e:
            load_config(str(tmp_path / 'own.py'))
        assert '\n' not in str(e.value)


def test_an_error_without_a_text_names_its_line():
    with pytest.raises(NotImplementedError) as error:
        raise NotImplementedError  # a line of this file
    found = one_line(error.value)
    assert found.startswith('NotImplementedError at test_project_configs.py:')
    assert found.endswith(': raise NotImplementedError  # a line of this file')
    assert one_line(AssertionError()) == 'AssertionError'
