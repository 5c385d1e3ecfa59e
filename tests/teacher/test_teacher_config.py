"""The teacher's config, its schedule and its fingerprint."""

import pytest
from mmengine.config import Config, ConfigDict
from mmengine.hooks import EMAHook
from mmpretrain.models import ImageClassifier
from mmpretrain.registry import HOOKS

from mmct.engine import NoBNTeacherHook
from mmct.runs import CTError, fingerprint
from mmct.runs.configs import resume_from
from mmct.runs.identity import differences, score_readers
from mmct.teacher import TeacherRecipe, switch_on_ct, teacher_config, teacher_hook
from mmct.teacher.config import baseline_config


def _marks(cfg, recipe=None):
    inner = teacher_config(cfg, recipe or TeacherRecipe(), 'somewhere/teacher')
    return fingerprint(inner, dict(num_images=64), world_size=1)


def test_what_is_taken_out_and_put_in(tiny):
    cfg = tiny(options={'load_from': 'bn.pth', 'model.consistency': dict(distance='js')})
    cfg.custom_hooks += [
        dict(type='EMAHook'), dict(type='ScorecardHook'), dict(type='mmpretrain.PreciseBNHook')
    ]  # fmt: skip
    cfg.default_hooks.checkpoint.update(save_best='auto')
    inner = teacher_config(cfg, TeacherRecipe(init='fold'), 'w/teacher')
    assert inner.model.type == 'NormFreeClassifier'
    assert 'consistency' not in inner.model
    assert inner.model.backbone == cfg.model.backbone
    assert (inner.work_dir, inner.load_from, inner.resume) == ('w/teacher', None, False)
    assert [hook['type'] for hook in inner.custom_hooks] == [
        'mmpretrain.PreciseBNHook',
        'NoBNTrainingHook',
    ]
    assert inner.custom_hooks[-1]['checkpoint'] == 'bn.pth'
    assert inner.custom_hooks[-1]['init'] == 'fold'
    assert inner.default_hooks.checkpoint.save_best is None
    # So that the config in the teacher's folder tests it.
    assert inner.test_dataloader == cfg.test_dataloader
    assert inner.optim_wrapper.clip_grad == dict(max_norm=1.0)
    assert cfg.model.type == 'CTClassifier', 'the student keeps its config'


class OwnAverage(EMAHook):
    """A user's own; ``custom_imports`` would register it."""


class OwnTeacher(NoBNTeacherHook):
    """The same."""


def test_a_users_own_hook_counts_as_what_it_inherits_from(tiny, monkeypatch):
    for kind in (OwnAverage, OwnTeacher):
        monkeypatch.setitem(HOOKS._module_dict, kind.__name__, kind)
    cfg = tiny()
    cfg.custom_hooks = [
        dict(type='OwnTeacher'), dict(type='OwnAverage'), dict(type=OwnAverage), dict(type=EMAHook)
    ]  # fmt: skip
    assert teacher_hook(cfg) == dict(type='OwnTeacher')
    inner = teacher_config(cfg, TeacherRecipe(), 'w')
    assert [hook['type'] for hook in inner.custom_hooks] == ['NoBNTrainingHook']


class OwnClassifier(ImageClassifier):
    """A user's own, with a loss of its own perhaps."""


@pytest.mark.parametrize('kind', ['TimmClassifier', 'HuggingFaceClassifier', OwnClassifier])
def test_ct_is_not_switched_on_for_another_classifier(tiny, kind):
    cfg = tiny('bn_resnet18_digits')
    cfg.model.type = kind
    with pytest.raises(CTError, match='--ct needs a config whose model is an ImageClassifier, but'):
        switch_on_ct(cfg)


@pytest.mark.parametrize(
    ('settings', 'kept'), [({}, True), ({'weight_standardisation': False}, False)]
)
def test_a_network_with_standardised_weights_keeps_them_when_ct_is_switched_on(
    tiny, settings, kept
):
    cfg = tiny('bn_resnet18_digits')
    cfg.model.update(type='StandardisedClassifier', **settings)
    model = switch_on_ct(cfg).model
    assert (model.type, model.weight_standardisation) == ('CTClassifier', kept)


@pytest.mark.parametrize('standardised', [True, False])
def test_whether_the_teachers_weights_are_standardised_is_the_recipes_to_say(tiny, standardised):
    cfg = tiny(options={'model.weight_standardisation': not standardised})
    recipe = TeacherRecipe(weight_standardisation=standardised)
    model = teacher_config(cfg, recipe, 'w').model
    assert model.get('weight_standardisation', False) is standardised
    control = teacher_config(cfg, TeacherRecipe(remove_bn=False), 'w').model
    assert control.type == 'ImageClassifier' and 'weight_standardisation' not in control


def test_recipe_changes_lr_and_clipping(tiny):
    recipe = TeacherRecipe(lr=0.5, clip_grad=None)
    inner = teacher_config(tiny(), recipe, 'w')
    assert inner.optim_wrapper.optimizer.lr == 0.5
    assert 'clip_grad' not in inner.optim_wrapper


def test_standardised_weights_come_without_clipping_and_with_what_else_is_said(tiny):
    cfg = tiny(options={'load_from': 'bn.pth'})
    adam = dict(type='AdamW', lr=2e-3, weight_decay=0.05)
    recipe = TeacherRecipe(
        weight_standardisation=True, optimizer=adam, lr=0.01, adaptive_clipping=0.02,
        ema=dict(momentum=0.1), from_scratch=True,
    )  # fmt: skip
    inner = teacher_config(cfg, recipe, 'w')
    assert inner.model.weight_standardisation is True
    assert inner.optim_wrapper.optimizer == dict(adam, lr=0.01)
    assert 'clip_grad' not in inner.optim_wrapper
    training, clipping, average = inner.custom_hooks
    assert clipping == dict(type='AdaptiveClippingHook', clipping=0.02)
    assert average == dict(type='EMAHook', momentum=0.1)
    assert inner.start_from is training['checkpoint'] is None
    assert 'weight_standardisation' not in cfg.model and cfg.load_from == 'bn.pth'
    clipped = TeacherRecipe(weight_standardisation=True, clip_grad=dict(max_norm=2.0))
    assert teacher_config(cfg, clipped, 'w').optim_wrapper.clip_grad == dict(max_norm=2.0)


def test_the_control_takes_all_of_that_and_keeps_its_bn(tiny):
    recipe = TeacherRecipe(
        weight_standardisation=True, adaptive_clipping=0.02, ema=dict(momentum=0.1),
        optimizer=dict(type='AdamW'), clip_grad=dict(max_norm=2.0), remove_bn=False,
    )  # fmt: skip
    inner = teacher_config(tiny(), recipe, 'w')
    assert inner.model.type == 'StandardisedClassifier'
    assert inner.model.weight_standardisation is True
    assert [hook['type'] for hook in inner.custom_hooks] == ['AdaptiveClippingHook', 'EMAHook']
    assert inner.optim_wrapper.optimizer == dict(type='AdamW')
    assert inner.optim_wrapper.clip_grad == dict(max_norm=2.0)


@pytest.mark.parametrize('setting', [dict(optimizer=dict(type='AdamW')), dict(lr=0.1)])
def test_one_rate_or_optimizer_does_not_fit_several(tiny, setting):
    cfg = tiny()
    cfg.optim_wrapper = ConfigDict(backbone=cfg.optim_wrapper, constructor='Several')
    with pytest.raises(CTError, match=f'{next(iter(setting))} needs a config with a single'):
        teacher_config(cfg, TeacherRecipe(**setting), 'w')


def test_the_controls_teacher_is_trained_as_the_student(tiny):
    cfg = tiny(options={'load_from': 'bn.pth'})
    inner = teacher_config(cfg, TeacherRecipe(remove_bn=False), 'w/teacher')
    assert inner.model.type == 'ImageClassifier'
    assert (inner.custom_hooks, inner.load_from) == ([], 'bn.pth')
    assert 'clip_grad' not in inner.optim_wrapper
    cfg.resume = True
    assert teacher_config(cfg, TeacherRecipe(remove_bn=False), 'w').load_from is None


def test_every_scheduler_is_scaled_with_the_epochs(tiny):
    cfg = tiny()
    cfg.train_cfg.max_epochs = 100
    cfg.param_scheduler = [
        ConfigDict(type='LinearLR', begin=0, end=5),
        ConfigDict(type='CosineAnnealingLR', begin=5, end=100, T_max=95),
        ConfigDict(type='MultiStepLR', milestones=[50, 75], end=int(1e9)),
        ConfigDict(type='StepLR', step_size=30),
        ConfigDict(type='LinearLR', begin=0, end=1),
    ]
    inner = teacher_config(cfg, TeacherRecipe(max_epochs=40), 'w')
    assert inner.train_cfg.max_epochs == 40
    assert inner.param_scheduler == [
        dict(type='LinearLR', begin=0, end=2),
        dict(type='CosineAnnealingLR', begin=2, end=40, T_max=38),
        dict(type='MultiStepLR', milestones=[20, 30], end=int(1e9)),
        dict(type='StepLR', step_size=12),
        dict(type='LinearLR', begin=0, end=1),
    ]
    assert teacher_config(cfg, TeacherRecipe(length=0.4), 'w').to_dict() == inner.to_dict()
    both = teacher_config(cfg, TeacherRecipe(length=3, max_epochs=40), 'w')
    assert both.to_dict() == inner.to_dict()
    cfg.param_scheduler = ConfigDict(type='MultiStepLR', milestones=[50])
    longer = teacher_config(cfg, TeacherRecipe(max_epochs=200), 'w')
    assert longer.param_scheduler.milestones == [100]


def test_iteration_based_length(tiny):
    cfg = tiny()
    cfg.train_cfg = dict(by_epoch=False, max_iters=100)
    cfg.param_scheduler = [ConfigDict(type='CosineAnnealingLR', T_max=100, by_epoch=False)]
    inner = teacher_config(cfg, TeacherRecipe(max_iters=50), 'w')
    assert inner.train_cfg.max_iters == inner.param_scheduler[0].T_max == 50
    with pytest.raises(CTError, match='max_epochs does not fit .* set max_iters'):
        teacher_config(cfg, TeacherRecipe(max_epochs=3), 'w')


@pytest.mark.parametrize(
    'setting',
    [
        dict(init='folded'),
        dict(granularity='both'),
        dict(length=0),
        dict(max_epochs=0),
        dict(lr=-1.0),
        dict(adaptive_clipping=0),
        dict(clip_grad=1.0),
        dict(optimizer='AdamW'),
        dict(ema=0.1),
    ],
)
def test_settings_out_of_range(setting):
    with pytest.raises(ValueError, match=f'NoBNTeacherHook: {next(iter(setting))} must'):
        TeacherRecipe(**setting)


def test_standardised_weights_do_not_go_with_folding():
    with pytest.raises(ValueError, match="does not go with init='fold'"):
        TeacherRecipe(weight_standardisation=True, init='fold')


def test_recipe_and_start_are_in_the_fingerprint(tiny, tmp_path):
    files = [tmp_path / 'a' / 'net.pth', tmp_path / 'b' / 'net.pth']
    for file, content in zip(files, (b'one', b'two'), strict=True):
        file.parent.mkdir()
        file.write_bytes(content)
    one, two = (_marks(tiny(options={'load_from': str(file)})) for file in files)
    assert differences(_marks(tiny()), one)
    assert differences(one, two) == [f'start_from: {one["start_from"]} -> {two["start_from"]}']
    files[1].write_bytes(b'one')
    assert _marks(tiny(options={'load_from': str(files[1])})) == one
    # In a resumed run load_from is the student's own checkpoint; a stock tool keeps no other.
    resumed = tiny(options={'load_from': str(files[0]), 'resume': False})
    resume_from(resumed, 'epoch_1.pth')
    assert not differences(one, _marks(resumed))
    stock = tiny(options={'load_from': 'epoch_1.pth', 'resume': True})
    assert not differences(one, _marks(stock))
    assert differences(_marks(tiny()), _marks(tiny(), TeacherRecipe(granularity='channel')))


def test_config_is_the_callers(tiny):
    before = tiny()
    cfg = tiny()
    teacher_config(cfg, TeacherRecipe(max_epochs=9, lr=1.0), 'w')
    assert Config(cfg.to_dict()).pretty_text == Config(before.to_dict()).pretty_text


def test_from_scratch_no_weights_are_loaded(tiny):
    loads = dict(type='Pretrained', checkpoint='bn.pth')
    cfg = tiny(options={'load_from': 'bn.pth'})
    cfg.model.init_cfg = dict(loads)
    cfg.model.backbone.init_cfg = [dict(type='Kaiming', layer='Conv2d'), dict(loads)]
    cfg.model.neck.init_cfg = None
    inner = teacher_config(cfg, TeacherRecipe(from_scratch=True), 'w')
    assert 'bn.pth' not in inner.pretty_text
    assert inner.model.backbone.init_cfg == [dict(type='Kaiming', layer='Conv2d')]
    assert inner.model.neck.init_cfg is None and 'init_cfg' not in inner.model
    assert 'bn.pth' in teacher_config(cfg, TeacherRecipe(), 'w').pretty_text
    assert cfg.model.init_cfg == loads, 'the student keeps its own'


def test_hooks_count_wherever_the_config_has_them(tiny):
    cfg = tiny()
    (hook,), cfg.custom_hooks = cfg.custom_hooks, []
    end = [dict(type=kind) for kind in ('BaselineHook', 'ScorecardHook')]
    frozen = dict(type='FreezeBNStatisticsHook', begin=0.5)
    stop = dict(type='EarlyStoppingHook', monitor='accuracy/top1')
    average = dict(type='EMAHook', momentum=0.1)
    own = dict(a=hook, b=end[0], c=end[1], d=frozen, e=average, f=stop)
    standard = dict(cfg.default_hooks)
    cfg.default_hooks.update(own)
    assert teacher_hook(cfg).type == 'NoBNTeacherHook'
    assert score_readers(cfg) == ['EarlyStoppingHook']
    inner = teacher_config(cfg, TeacherRecipe(), 'w')
    assert set(inner.default_hooks) == {*standard, 'f'}
    assert [hook['type'] for hook in inner.custom_hooks] == ['NoBNTrainingHook']
    assert baseline_config(cfg, 1, 'w').custom_hooks == [frozen, average]


def test_an_interrupted_teacher_can_go_on_whatever_the_student_keeps(tiny):
    cfg = tiny()
    cfg.default_hooks.checkpoint.update(save_optimizer=False, save_param_scheduler=False)
    kept = teacher_config(cfg, TeacherRecipe(), 'w').default_hooks.checkpoint
    assert kept.save_optimizer is kept.save_param_scheduler is True


def test_a_tuple_of_schedules_is_stretched_as_a_list_is(tiny):
    cfg = tiny()
    cfg.param_scheduler = (dict(type='LinearLR', end=3), dict(type='CosineAnnealingLR', T_max=4))
    inner = teacher_config(cfg, TeacherRecipe(length=2), 'w')
    assert [s.get('end', s.get('T_max')) for s in inner.param_scheduler] == [6, 8]


def test_a_rate_of_the_teachers_own_is_its_highest(tiny):
    cfg = tiny()
    cfg.param_scheduler = [dict(type='OneCycleLR', eta_max=0.1, total_steps=9)]
    adam = dict(type='AdamW', lr=2e-3)
    for recipe, rate in (
        (dict(), 0.1), (dict(lr=0.01), 0.01), (dict(optimizer=adam), 2e-3),
        (dict(optimizer=adam, lr=0.01), 0.01),
    ):  # fmt: skip
        inner = teacher_config(cfg, TeacherRecipe(**recipe), 'w')
        assert inner.param_scheduler[0].eta_max == rate


def test_an_average_may_name_its_type(tiny):
    ema = dict(type='mmpretrain.EMAHook', momentum=0.1)
    assert teacher_config(tiny(), TeacherRecipe(ema=ema), 'w').custom_hooks[-1] == ema


@pytest.mark.parametrize(
    ('options', 'pretrained'),
    [
        ({}, False),
        ({'load_from': 'bn.pth'}, True),
        ({'load_from': 'epoch_1.pth', 'resume': True}, False),
        ({'model.backbone.init_cfg': dict(type='Kaiming', layer='Conv2d')}, False),
        ({'model.backbone.init_cfg': dict(type='Pretrained', checkpoint='bn.pth')}, True),
        ({'model.backbone.pretrained': 'bn.pth'}, True),
        ({'model.backbone.pretrained': False, 'model.init_cfg': ()}, False),
        ({'model.init_cfg': (dict(type='Kaiming', layer='Conv2d'),)}, False),
        ({'model.weight_standardisation': True, 'load_from': 'swn.pth'}, False),
    ],
)
def test_the_switch_folds_the_bn_of_pretrained_weights(tiny, options, pretrained):
    cfg = tiny('bn_resnet18_digits', options=options)
    found = TeacherRecipe(**{
        key: value for key, value in teacher_hook(switch_on_ct(cfg)).items()
        if key in TeacherRecipe.__dataclass_fields__
    })  # fmt: skip
    assert (found.init == 'fold') is pretrained
    assert found.weight_standardisation is not pretrained and found.length == 2
