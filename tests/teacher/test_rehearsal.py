"""What would fail after hours of teacher training fails before it."""

import pytest
import torch
from mmengine.runner import Runner
from small_network import CHANNELS

from mmct.runs import CTError
from mmct.teacher.rehearsal import rehearse_alone

POOL = dict(type='GlobalAveragePooling')
BN = dict(type='LinearNeck', in_channels=CHANNELS, out_channels=CHANNELS, gap_dim=0,
          norm_cfg=dict(type='BN1d'), act_cfg=None)  # fmt: skip
WRONG = {
    'a loss that no batch fits': (
        {'model.head.loss': dict(type='LabelSmoothLoss', label_smooth_val=0.1, num_classes=9)}, {},
        'the teacher fails: ',
    ),
    'an optimizer that needs more than a step': (
        {'optim_wrapper.optimizer': dict(_delete_=True, type='LBFGS')}, {},
        "the teacher fails: .*closure",
    ),
    'a schedule that does not build once it is stretched': (
        {'param_scheduler': [dict(type='OneCycleLR', eta_max=0.1, total_steps=8, three_phase='x',
                                  pct_start=2.0)]}, {},
        'pct_start',
    ),
    'a student that cannot start from its teacher': (
        {'model.backbone.norm_cfg': dict(type='BN', affine=False)},
        dict(student_start='teacher', init='identity'),
        'the student fails: .*affine=False',
    ),
    'a student that would change the weights of its teacher': (
        {'model.weight_standardisation': True}, dict(student_start='teacher'),
        'the student fails: .*set weight_standardisation=True in NoBNTeacherHook',
    ),
    'a schedule that fails when it begins to change': (
        {'param_scheduler': [dict(type='CosineAnnealingLR', T_max='abc', begin=1)]}, {},
        'the teacher fails: the param_scheduler CosineAnnealingLR fails: ',
    ),
    'an average of a misspelt setting': (
        {}, dict(ema=dict(momentm=0.1)), 'the teacher fails: .*momentm',
    ),
    'an average that cannot be': (
        {}, dict(ema=dict(momentum=2.0)), 'the teacher fails: .*momentum',
    ),
    'an average that begins after the end': (
        {}, dict(ema=dict(begin_epoch=50)), 'teacher fails: EMAHook: begin_epoch must be at most 2',
    ),
    'a mode of torch.compile that is none': (
        {}, dict(compile=dict(mode='fast')), 'NoBNTeacherHook: compile: .*mode',
    ),
    'a last batch of one image': (
        {'train_dataloader.dataset.indices': 65, 'model.neck': [POOL, BN]}, {},
        'the student fails: the last batch of an epoch, which has one image .*drop_last=True',
    ),
    'a best checkpoint by a score that is none': (
        {'default_hooks.checkpoint.save_best': 'accuracy_top-1'}, {},
        "save_best is accuracy_top-1: did you mean 'accuracy/top1'",
    ),
    'a schedule by a score that is none': (
        {'param_scheduler': [dict(type='ReduceOnPlateauLR', monitor='loss', rule='less')]}, {},
        'monitor of ReduceOnPlateauLR is loss: ',
    ),
    'a metric of a setting that it cannot take': (
        {'val_evaluator.topk': 'abc'}, {}, "the validation .* fails: .*'str' and 'int'",
    ),
}  # fmt: skip


pytestmark = pytest.mark.usefixtures('rehearsed')


def test_a_score_that_few_images_lack_may_be_named(tiny):
    cfg = tiny('bn_resnet18_digits')
    for name in ('auto', 'accuracy/top1', 'accuracy/of a domain', 'val_loss', ['accuracy/top1']):
        cfg.default_hooks.checkpoint.save_best = name
        rehearse_alone(Runner.from_cfg(cfg))
    cfg.default_hooks.checkpoint.save_best = ['accuracy/top1', 'top1']
    with pytest.raises(CTError, match='save_best is top1: choose from accuracy/top1'):
        rehearse_alone(Runner.from_cfg(cfg))


@pytest.mark.parametrize(('options', 'hook', 'message'), WRONG.values(), ids=WRONG)
def test_what_would_fail_later_is_refused_at_once(tiny, tmp_path, options, hook, message):
    cfg = tiny(hook=hook)
    cfg.merge_from_dict(options)
    with pytest.raises((CTError, ValueError, TypeError), match=message) as error:
        Runner.from_cfg(cfg).train()
    assert '\n' not in str(error.value)
    assert not (tmp_path / 'work' / 'teacher').exists()


@pytest.mark.parametrize('resumes', [False, True])
def test_a_student_is_tried_also_where_its_teacher_is_there(tiny, tmp_path, train, resumes):
    train(tiny())
    options = {'val_evaluator.topk': 'abc', 'resume': resumes, 'train_cfg.max_epochs': 3}
    cfg = tiny(hook=dict(checkpoint=str(tmp_path / 'work' / 'teacher' / 'teacher.pth')), options={
        **options, 'default_hooks.checkpoint.on_other_config': 'warn'})  # fmt: skip
    with pytest.raises(CTError, match="the validation .* fails: .*'str' and 'int'"):
        Runner.from_cfg(cfg).train()


ALONE = {
    'a head that does not fit': ({'model.head.in_channels': 31}, 'the training fails: '),
    'a schedule': (
        {'param_scheduler': [dict(type='CosineAnnealingLR', T_max='abc')]}, 'the training fails: '
    ),
    'a rate': ({'optim_wrapper.optimizer.lr': float('inf')}, 'the training fails: .*lr is inf'),
    'a metric': ({'val_evaluator.topk': 'abc'}, 'the validation .* fails: '),
    'an average that begins after the end': (
        {'default_hooks.average': dict(type='EMAHook', begin_iter=50)},
        'the training fails: EMAHook: begin_iter must be at most 8',
    ),
}  # fmt: skip


@pytest.mark.parametrize(('options', 'message'), ALONE.values(), ids=ALONE)
def test_a_network_without_a_teacher_is_tried_too(tiny, options, message):
    runner = Runner.from_cfg(tiny('bn_resnet18_digits'))
    rehearse_alone(runner)
    runner = Runner.from_cfg(tiny('bn_resnet18_digits', options=options))
    with pytest.raises(CTError, match=message):
        rehearse_alone(runner)


def test_a_resumed_student_without_its_teacher_is_refused_before_another_is_trained(
    tiny, tmp_path, train
):
    train(tiny())
    (tmp_path / 'work' / 'teacher').rename(tmp_path / 'elsewhere')
    cfg = tiny(options={'resume': True, 'train_cfg.max_epochs': 3})
    with pytest.raises(CTError, match='whose teacher is not in .*work/teacher: put it there'):
        train(cfg)
    assert not (tmp_path / 'work' / 'teacher').exists()


def test_a_plateau_schedule_is_scaled_with_the_students_rate(tiny, train):
    plateau = dict(type='ReduceOnPlateauLR', monitor='accuracy/top1', rule='greater', patience=9)
    cfg = tiny(hook=dict(student_lr_mult=0.5), options={'optim_wrapper.optimizer.lr': 0.04})
    cfg.param_scheduler = [plateau]
    runner = train(cfg)
    assert runner.optim_wrapper.param_groups[0]['lr'] == pytest.approx(0.02)


def test_a_rehearsal_leaves_no_trace(tiny, train, monkeypatch):
    weights = []
    for rehearses in (True, False):
        if not rehearses:
            monkeypatch.setattr('mmct.teacher.training.rehearse', lambda *args: None)
        runner = train(tiny(hook=dict(retrain=True)))
        weights.append({k: v.clone() for k, v in runner.model.state_dict().items()})
    one, other = weights
    assert all(torch.equal(one[name], other[name]) for name in one)
