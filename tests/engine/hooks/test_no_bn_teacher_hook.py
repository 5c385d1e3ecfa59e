"""The teacher's life, on real digits."""

import json
import logging
import shutil
from pathlib import Path

import pytest
import torch
from mmengine.hooks import EMAHook, Hook
from mmengine.logging import MessageHub, MMLogger
from mmengine.registry import DefaultScope
from mmengine.runner import Runner
from mmpretrain.registry import MODELS

from mmct.engine import NoBNTrainingHook
from mmct.models import CTClassifier, NoNorm
from mmct.runs import CTError, fingerprint
from mmct.runs.building import build_hook
from mmct.runs.errors import DivergedError
from mmct.runs.weights import load_state_dict, safe_loading
from mmct.teacher import TeacherStore


class Spy(Hook):
    """Looks at the student's run just before and after its first step."""

    priority = 'LOWEST'

    def before_train(self, runner):
        self.logger = MMLogger.get_current_instance()
        self.hub = MessageHub.get_current_instance()
        self.scope = DefaultScope.get_current_instance().scope_name
        teacher = runner.model.teacher
        self.teacher_weights = {k: v.clone() for k, v in teacher.state_dict().items()}


def _weights(runner):
    return runner.model.state_dict()


def _equal(one, two):
    return one.keys() == two.keys() and all(torch.equal(one[k], two[k]) for k in one)


def _store(cfg):
    return TeacherStore(Path(cfg.work_dir) / 'teacher')


def test_both_stages_end_to_end(tiny):
    cfg = tiny()
    # A run of an earlier test, begun in the same second, would have the same name and logger.
    cfg.experiment_name = 'both_stages'
    runner, spy = Runner.from_cfg(cfg), Spy()
    runner.register_hook(spy)
    runner.train()
    # The outer run's logger, hub and scope are current again.
    assert spy.logger is runner.logger
    assert spy.hub is runner.message_hub
    assert spy.scope == 'mmpretrain'
    # The teacher is frozen, BN-free and the one in the store.
    teacher = runner.model.teacher
    assert not teacher.training
    assert not any(p.requires_grad for p in teacher.parameters())
    assert any(isinstance(m, NoNorm) for m in teacher.modules())
    assert _equal(teacher.state_dict(), spy.teacher_weights)
    assert _equal(teacher.state_dict(), _store(cfg).load())
    # Stage one has its own log and config.
    folder = _store(cfg).folder
    assert list(folder.glob('*/*.log'))
    assert list(folder.glob('*.py'))
    result = json.loads((Path(cfg.work_dir) / 'ct_result.json').read_text())
    record = _store(cfg).read()
    assert result['teacher_accuracy_pct'] == record['accuracy_pct']
    assert result['num_images'] == 32
    assert result['teacher_seconds'] > 0 and result['student_seconds'] > 0
    assert 0 <= result['agreement_pct'] <= 100


def test_student_checkpoint_loads_into_the_stock_model(tiny, train):
    cfg = tiny()
    train(cfg)
    file = next(Path(cfg.work_dir).glob('epoch_*.pth'))
    weights = load_state_dict(file)
    stock = MODELS.build({**cfg.model, 'type': 'ImageClassifier'})
    keys = stock.load_state_dict(weights, strict=True)
    assert not keys.missing_keys and not keys.unexpected_keys


def test_a_cached_teacher_gives_the_same_student(tiny, train):
    cfg = tiny()
    fresh = _weights(train(cfg))
    trained_at = _store(cfg).weights.stat().st_mtime_ns
    cached = _weights(train(cfg))
    assert _store(cfg).weights.stat().st_mtime_ns == trained_at
    assert _equal(fresh, cached)


def test_the_consistency_term_moves_the_student(tiny, train):
    with_term = _weights(train(tiny()))
    without = _weights(train(tiny(options={'model.consistency': dict(loss_weight=0.0)})))
    plain = tiny(options={'model.type': 'ImageClassifier'})
    plain.custom_hooks = []
    baseline = _weights(train(plain))
    assert not _equal(with_term, without)
    # The teacher's stage leaves no other trace in the student.
    assert _equal(without, baseline)


def test_a_finished_teacher_of_another_config_is_refused(tiny, train):
    train(tiny())
    other = tiny(options={'optim_wrapper.optimizer.lr': 0.05})
    before = _store(other).weights.read_bytes()
    with pytest.raises(CTError, match=r'optim_wrapper.optimizer.lr: 0.1 -> 0.05.*--retr'):
        train(other)
    assert _store(other).weights.read_bytes() == before
    other.custom_hooks[0].retrain = True
    train(other)
    assert _store(other).weights.read_bytes() != before
    (aside,) = Path(other.work_dir).glob('teacher_*')
    assert (aside / 'teacher.pth').read_bytes() == before


def test_an_interrupted_teacher_goes_on(tiny, train, monkeypatch):
    def interrupt(hook, runner, *args, **kwargs):
        if runner.iter == 5:
            raise KeyboardInterrupt

    cfg = tiny(options={'train_cfg.max_epochs': 3})
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(NoBNTrainingHook, 'after_train_iter', interrupt)
        train(cfg)
    assert _store(cfg).read()['finished'] is False
    assert (_store(cfg).folder / 'epoch_1.pth').exists()
    began_at = []
    original = NoBNTrainingHook.before_train

    def before_train(hook, runner):
        began_at.append(runner.epoch)
        original(hook, runner)

    monkeypatch.setattr(NoBNTrainingHook, 'before_train', before_train)
    train(cfg)
    assert began_at == [1], 'the first epoch was not run again'
    assert _store(cfg).read()['finished'] is True


def test_another_configs_unfinished_teacher_is_not_resumed(tiny, train, monkeypatch):
    def interrupt_at(iteration):
        def after_train_iter(hook, runner, *args, **kwargs):
            if runner.iter == iteration:
                raise KeyboardInterrupt

        return after_train_iter

    other = tiny(options={'optim_wrapper.optimizer.lr': 0.05})
    # The first leaves a checkpoint; the second is stopped before its own.
    for cfg, iteration in ((tiny(), 5), (other, 1)):
        with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
            patch.setattr(NoBNTrainingHook, 'after_train_iter', interrupt_at(iteration))
            train(cfg)
    began_at = []
    original = NoBNTrainingHook.before_train

    def before_train(hook, runner):
        began_at.append(runner.iter)
        original(hook, runner)

    monkeypatch.setattr(NoBNTrainingHook, 'before_train', before_train)
    train(other)
    assert began_at == [0]
    (aside,) = Path(other.work_dir).glob('teacher_*')
    assert (aside / 'epoch_1.pth').is_file()


def test_a_student_of_the_old_teacher_is_not_resumed_with_a_new_one(tiny, train, monkeypatch):
    resumable = {'default_hooks.checkpoint.type': 'ResumableCheckpointHook'}
    folder = Path(train(tiny(options=resumable)).work_dir)
    assert (folder / 'last_checkpoint').is_file()

    def stopped(hook, runner):
        raise KeyboardInterrupt

    monkeypatch.setattr(NoBNTrainingHook, 'before_train', stopped)
    with pytest.raises(KeyboardInterrupt):
        train(tiny(options=resumable, hook=dict(retrain=True)))
    assert not (folder / 'last_checkpoint').exists()
    assert list(folder.glob('epoch_*.pth'))


@pytest.mark.parametrize('retrain', [True, 'unless_trained'])
def test_a_damaged_record_can_be_trained_anew(tiny, train, retrain):
    cfg = tiny()
    _store(cfg).begin({})
    (_store(cfg).folder / 'teacher.json').write_text('{"fini')
    with pytest.raises(CTError, match='--retrain-teacher'):
        train(cfg)
    train(tiny(hook=dict(retrain=retrain)))
    assert _store(cfg).read()['finished']


def test_a_priority_is_the_runners_and_no_setting_of_a_hook():
    settings = dict(type='NoBNTeacherHook', length=2, priority='LOW')
    assert build_hook(settings).recipe.length == 2
    assert settings['priority'] == 'LOW'


def test_a_teacher_is_trained_anew_unless_it_is_the_configs_own(tiny, train):
    train(tiny())
    weights = _store(tiny()).weights.read_bytes()
    train(tiny(hook=dict(retrain='unless_trained')))
    assert _store(tiny()).weights.read_bytes() == weights
    train(tiny(hook=dict(retrain='unless_trained', lr=1e-3)))
    assert _store(tiny()).weights.read_bytes() != weights
    assert len(list(Path(tiny().work_dir).glob('teacher_*'))) == 1


def test_with_a_given_checkpoint(tiny, train, tmp_path):
    first = tiny()
    train(first)
    given = tmp_path / 'given.pth'
    given.write_bytes(_store(first).weights.read_bytes())
    cfg = tiny(hook=dict(checkpoint=str(given)))
    cfg.work_dir = str(tmp_path / 'second')
    runner = train(cfg)
    assert not _store(cfg).folder.exists()
    assert _equal(runner.model.teacher.state_dict(), _store(first).load())
    result = json.loads((tmp_path / 'second' / 'ct_result.json').read_text())
    assert result['teacher_accuracy_pct'] == _store(first).read()['accuracy_pct']
    assert result['teacher_source'] == str(given)


@pytest.mark.parametrize(
    ('change', 'message'),
    [
        (lambda w: {**w, 'backbone.bn1.running_var': torch.ones(4)}, 'is not BN-free'),
        (lambda w: {**w, 'extra': torch.ones(4)}, "does not fit .* 'extra|extra"),
        (
            lambda w: {**w, 'head.fc.weight': torch.ones(10, 5)},
            'does not fit .*head.fc.weight',
        ),
        (lambda w: {k: v for k, v in w.items() if 'fc' not in k}, 'does not fit .*fc'),
    ],
)
def test_a_checkpoint_that_does_not_fit(tiny, train, tmp_path, change, message):
    cfg = tiny(hook=dict(checkpoint=str(tmp_path / 'given.pth')))
    model = {**cfg.model, 'type': 'NormFreeClassifier'}
    torch.save(change(MODELS.build(model).state_dict()), tmp_path / 'given.pth')
    with pytest.raises(CTError, match=message) as error:
        train(cfg)
    assert '\n' not in str(error.value)


def test_a_weak_teacher_stops_the_run(tiny, train):
    options = {'optim_wrapper.optimizer.lr': 1e-6}
    message = 'not above chance.* 2 epochs, all of them warm-up; .*--allow-weak-teacher'
    with pytest.raises(CTError, match=message):
        train(tiny(hook=dict(on_weak_teacher='stop'), options=options))
    # The cached one is as weak, and so without validation.
    with pytest.raises(CTError, match='32 images .validation'):
        train(tiny(hook=dict(on_weak_teacher='stop'), options=options))
    assert train(tiny(options=options)).iter == 8


@pytest.mark.parametrize('endless', [False, True])
def test_without_validation_training_accuracy_counts(tiny, train, endless):
    cfg = tiny(hook=dict(on_weak_teacher='stop'), options={'optim_wrapper.optimizer.lr': 1e-6})
    if endless:
        cfg.train_dataloader.sampler = dict(type='InfiniteSampler', shuffle=True)
        cfg.train_cfg = dict(by_epoch=False, max_iters=4)
        cfg.param_scheduler = []
    cfg.val_cfg = cfg.val_dataloader = cfg.val_evaluator = None
    with pytest.raises(CTError, match='64 images .training'):
        train(cfg)


@pytest.mark.parametrize('remove_bn', [True, False])
def test_a_teacher_that_diverges_stops_the_run(tiny, train, remove_bn):
    cfg = tiny(hook=dict(lr=1e18, clip_grad=None, remove_bn=remove_bn))
    with pytest.raises(DivergedError, match='nan at iteration|inf at iteration'):
        train(cfg)
    assert MMLogger.get_current_instance().instance_name.endswith('teacher') is False


def test_a_student_that_diverges_stops_the_run_under_any_tool(tiny, train):
    class Spoil(Hook):
        def before_train_iter(self, runner, batch_idx, data_batch=None):
            runner.model.head.fc.weight.data.fill_(float('inf'))

    with pytest.raises(DivergedError, match='the loss of the student is nan at iteration 1'):
        train(tiny(), Spoil())


def test_a_standardised_teacher_is_kept_plain_and_learned_in_any_form(
    tiny, train, tmp_path, rehearsed
):
    cfg = tiny(hook=dict(weight_standardisation=True))
    runner = train(cfg)
    kept = _store(cfg).load()
    model = MODELS.build({**cfg.model, 'type': 'NormFreeClassifier'})
    assert kept.keys() == model.state_dict().keys()
    assert _equal(runner.model.teacher.state_dict(), kept)
    # As it was trained: its checkpoints have the weights before they are standardised.
    raw = load_state_dict(next((Path(cfg.work_dir) / 'teacher').glob('epoch_*.pth')))
    name = 'backbone.conv1.weight'
    assert f'{name}_gain' in raw and not torch.equal(raw[name], kept[name])
    torch.save(raw, tmp_path / 'given.pth')
    again = tiny(hook=dict(checkpoint=str(tmp_path / 'given.pth')))
    again.work_dir = str(tmp_path / 'again')
    assert _equal(train(again).model.teacher.state_dict(), kept)


def test_the_control_may_track_no_statistics(tiny, train, tmp_path):
    norm = dict(type='BN', track_running_stats=False)
    cfg = tiny(hook=dict(remove_bn=False), options={'model.backbone.norm_cfg': norm})
    runner = train(cfg)
    assert isinstance(runner.model.teacher.backbone.bn1, torch.nn.BatchNorm2d)
    # A file without BN is still none of a BN that tracks them.
    cfg = tiny(hook=dict(remove_bn=False, checkpoint=str(_store(cfg).weights)))
    cfg.work_dir = str(tmp_path / 'other')
    with pytest.raises(CTError, match='has no BN, but NoBNTeacherHook has remove_bn=False'):
        train(cfg)


def test_an_averaged_teacher_is_the_average(tiny, train):
    cfg = tiny(hook=dict(ema=dict(momentum=0.1)))
    runner = train(cfg)
    kept = _store(cfg).load()
    with safe_loading():
        checkpoint = torch.load(next((Path(cfg.work_dir) / 'teacher').glob('epoch_*.pth')))
    # mmengine puts the average where a checkpoint has the weights.
    assert _equal(checkpoint['state_dict'], kept)
    assert not _equal(checkpoint['ema_state_dict'], kept)
    assert _equal(runner.model.teacher.state_dict(), kept)


def test_a_teacher_may_begin_at_random_where_the_student_does_not(tiny, train, tmp_path):
    bn = tiny('bn_resnet18_digits')
    bn.work_dir = str(tmp_path / 'bn')
    train(bn)
    start = str(next((tmp_path / 'bn').glob('epoch_*.pth')))
    found = {}
    for name, settings in dict(given={}, random=dict(from_scratch=True), alone={}).items():
        cfg = tiny(hook=dict(settings, init='identity'))
        cfg.work_dir = str(tmp_path / name)
        cfg.load_from = None if name == 'alone' else start
        train(cfg)
        found[name] = _store(cfg).load()
    assert _equal(found['random'], found['alone'])
    assert not _equal(found['given'], found['alone'])


def test_ema_copies_the_student_alone(tiny, train):
    cfg = tiny()
    cfg.custom_hooks.append(dict(type='EMAHook', momentum=0.1))
    runner = train(cfg)
    assert _equal(runner.model.teacher.state_dict(), _store(cfg).load())
    with safe_loading():
        checkpoint = torch.load(next(Path(cfg.work_dir).glob('epoch_*.pth')))
    assert len(checkpoint['ema_state_dict']) == len(_weights(runner)) + 1
    optimized = sum(len(g['params']) for g in runner.optim_wrapper.param_groups)
    assert optimized == len(list(runner.model.parameters()))


def test_ramp_follows_training(tiny, train):
    class Progress(Hook):
        priority = 'LOWEST'
        seen = []

        def before_train_iter(self, runner, *args, **kwargs):
            self.seen.append(runner.model.progress)

    runner = Runner.from_cfg(tiny())
    runner.register_hook(Progress())
    runner.train()
    assert Progress.seen == [i / 8 for i in range(8)]


@pytest.mark.parametrize('by_hand', ['ImageClassifier', 'objects'])
def test_runs_that_cannot_have_a_teacher(tiny, by_hand):
    cfg = tiny()
    if by_hand == 'ImageClassifier':
        cfg.model.type = by_hand
        runner, message = Runner.from_cfg(cfg), 'needs a CTClassifier'
    else:
        model = MODELS.build({**cfg.model, 'data_preprocessor': cfg.data_preprocessor})
        assert isinstance(model, CTClassifier)
        runner = Runner(
            model=model,
            work_dir=cfg.work_dir,
            train_dataloader=cfg.train_dataloader,
            train_cfg=cfg.train_cfg,
            optim_wrapper=cfg.optim_wrapper,
            custom_hooks=cfg.custom_hooks,
            default_scope='mmpretrain',
        )
        message = 'Runner.from_cfg'
    with pytest.raises(CTError, match=message):
        runner.train()


def test_bad_settings_are_refused_when_built(tiny):
    for hook, name in ((dict(on_weak_teacher='go'), 'on_weak_teacher'), (dict(lr=0), 'lr'),
                       (dict(compile='yes'), 'compile'), (dict(dtype='float16'), 'dtype'),
                       (dict(init='best'), 'init')):
        with pytest.raises(ValueError, match=f'NoBNTeacherHook: {name} must be'):
            Runner.from_cfg(tiny(hook=hook))


def test_a_misspelt_setting_is_refused_with_the_near_one(tiny):
    with pytest.raises(ValueError, match="no setting 'lenght': did you mean 'length'"):
        Runner.from_cfg(tiny(hook=dict(lenght=2)))


class Interrupt(Hook):
    def before_train_epoch(self, runner):
        if runner.epoch == 1:
            raise KeyboardInterrupt


def test_a_resumed_run_keeps_the_teachers_dtype(tiny, train, monkeypatch):
    def on_a_machine_with(dtype):
        pick = 'mmct.engine.hooks.no_bn_teacher_hook.pick_dtype'
        monkeypatch.setattr(pick, lambda *args: dtype)

    resumable = {'default_hooks.checkpoint.type': 'ResumableCheckpointHook'}
    on_a_machine_with('bfloat16')
    whole = _weights(train(tiny(options=resumable)))
    runner = Runner.from_cfg(tiny(options=resumable))
    runner.register_hook(Interrupt())
    with pytest.raises(KeyboardInterrupt):
        runner.train()
    on_a_machine_with('float32')
    said = []
    with monkeypatch.context() as patch:
        patch.setattr(MMLogger, 'warning', lambda logger, text, *args, **kw: said.append(text))
        assert _equal(_weights(train(tiny(options={**resumable, 'resume': True}))), whole)
    assert any('begun with a teacher in bfloat16, which is slow here' in text for text in said)
    assert not _equal(_weights(train(tiny(options=resumable))), whole)


def test_a_resumed_run_keeps_its_teacher_and_says_so(tiny, train, monkeypatch):
    resumable = {'default_hooks.checkpoint.type': 'ResumableCheckpointHook'}
    with pytest.raises(KeyboardInterrupt):
        train(tiny(options=resumable), Interrupt())
    store = _store(tiny())
    weights = store.weights.read_bytes()
    said = []
    monkeypatch.setattr(MMLogger, 'warning', lambda logger, text, *args, **kw: said.append(text))
    train(tiny(options={**resumable, 'resume': True}, hook=dict(retrain=True)))
    assert store.weights.read_bytes() == weights
    assert not list(store.folder.parent.glob('teacher_*'))
    assert any('--retrain-teacher is ignored' in text for text in said)


@pytest.mark.parametrize('moved', [False, True])
def test_a_resumed_student_goes_on_with_its_teacher_on_fewer_gpus_or_from_elsewhere(
    tiny, train, tmp_path, monkeypatch, moved
):
    resumable = {'default_hooks.checkpoint.type': 'ResumableCheckpointHook'}
    with monkeypatch.context() as patch:
        for module in ('mmct.teacher.training', 'mmct.engine.hooks.resumable_checkpoint_hook'):
            # What is recorded of the number of processes.
            patch.setattr(f'{module}.fingerprint', lambda *args: fingerprint(*args[:2], 2))
        with pytest.raises(KeyboardInterrupt):
            train(tiny(options=resumable), Interrupt())
    hook = {}
    if moved:
        shutil.move(_store(tiny()).folder, tmp_path / 'elsewhere')
        hook = dict(checkpoint=str(tmp_path / 'elsewhere' / 'teacher.pth'))
    assert train(tiny(options={**resumable, 'resume': True}, hook=hook)).iter == 8


@pytest.mark.parametrize('first', ['teacher', 'average'])
def test_a_student_starts_from_its_teacher_also_with_an_average_to_load(tiny, train, first):
    class Spy(Hook):
        priority = 'LOWEST'

        def before_train(self, runner):
            weights = runner.model.state_dict(), runner.model.teacher.state_dict()
            self.same = all(torch.equal(*(w[name] for w in weights))
                            for name in weights[1] if 'conv' in name or 'fc' in name)  # fmt: skip
            (ema,) = (hook for hook in runner.hooks if isinstance(hook, EMAHook))
            self.steps = int(ema.ema_model.steps)

    average = dict(type='EMAHook', momentum=0.1)
    plain = tiny('bn_resnet18_digits')
    plain.work_dir += '_plain'
    plain.custom_hooks = [average]
    train(plain)
    cfg = tiny(hook=dict(student_start='teacher'))
    hooks = [*cfg.custom_hooks, average]
    cfg.custom_hooks = hooks if first == 'teacher' else hooks[::-1]
    cfg.load_from = str(next(Path(plain.work_dir).glob('epoch_*.pth')))
    spy = Spy()
    train(cfg, spy)
    # Nor does the average begin with the network that was loaded.
    assert spy.same and spy.steps == 0


def test_a_teacher_is_measured_again_if_it_seemed_weak(tiny, train):
    options = {'train_cfg.max_epochs': 8, 'train_dataloader.dataset.indices': 1000}
    cfg = tiny(hook=dict(on_weak_teacher='stop', lr=0.05), options=options)
    black = dict(type='Cutout', shape=64, prob=1.0, pad_val=0)
    pipeline = cfg.val_dataloader.dataset.pipeline
    cfg.val_dataloader.dataset.update(indices=100, pipeline=[black, *pipeline])
    with pytest.raises(CTError, match='not above chance'):
        train(cfg)
    weights = _store(cfg).weights.read_bytes()
    cfg = tiny(hook=dict(on_weak_teacher='stop', lr=0.05), options=options)
    cfg.val_dataloader.dataset.indices = 100
    train(cfg)
    assert _store(cfg).weights.read_bytes() == weights
    assert _store(cfg).read()['accuracy_pct'] > 30


def test_workers_of_the_teachers_run_are_gone(tiny, train, caplog):
    import multiprocessing

    options = {
        'train_dataloader.num_workers': 1,
        'train_dataloader.persistent_workers': True,
        'train_cfg.max_epochs': 1,
    }
    caplog.set_level(logging.ERROR)
    runner = train(tiny(options=options))
    alive = {child.pid for child in multiprocessing.active_children()}
    own = {worker.pid for worker in runner.train_dataloader._iterator._workers}
    assert own <= alive
    assert len(alive - own) == 0


def test_the_control_has_a_teacher_with_bn(tiny, train):
    cfg = tiny(hook=dict(remove_bn=False))
    runner = train(cfg)
    teacher = runner.model.teacher
    assert any(isinstance(m, torch.nn.BatchNorm2d) for m in teacher.modules())
    # It is what the same config without CT trains.
    plain = tiny(options={'model.type': 'ImageClassifier'})
    plain.custom_hooks, plain.work_dir = [], f'{cfg.work_dir}_plain'
    assert _equal(teacher.state_dict(), _weights(train(plain)))
    assert not any(isinstance(m, NoNorm) for m in teacher.modules())


@pytest.mark.parametrize('ema', [None, dict(momentum=0.5)])
def test_the_control_may_have_standardised_weights_as_the_teacher_without_bn(tiny, train, ema):
    hook = dict(remove_bn=False, weight_standardisation=True, student_start='teacher', ema=ema)
    cfg = tiny(hook=hook)
    teacher = train(cfg).model.teacher
    assert type(teacher.backbone.conv1) is torch.nn.Conv2d
    means = teacher.backbone.conv1.weight.flatten(1).mean(1)
    torch.testing.assert_close(means, torch.zeros_like(means), rtol=0, atol=1e-6)
    assert isinstance(teacher.backbone.bn1, torch.nn.BatchNorm2d)
    # A second run takes it as it was kept, another one from its own checkpoint.
    assert _equal(train(cfg).model.teacher.state_dict(), teacher.state_dict())
    if ema is None:
        (own,) = _store(cfg).folder.glob('epoch_*.pth')
        other = tiny(hook={**hook, 'checkpoint': str(own)})
        other.work_dir = f'{cfg.work_dir}_other'
        assert _equal(train(other).model.teacher.state_dict(), teacher.state_dict())


@pytest.mark.parametrize('removed', [True, False])
def test_a_checkpoint_of_the_other_kind_is_refused(tiny, train, removed):
    cfg = tiny(hook=dict(remove_bn=not removed))
    train(cfg)
    other = tiny(hook=dict(remove_bn=removed, checkpoint=str(_store(cfg).weights)))
    other.work_dir = f'{cfg.work_dir}_other'
    with pytest.raises(CTError, match='is not BN-free' if removed else 'remove_bn=False'):
        train(other)


@pytest.mark.parametrize('standardised', [False, True])
@pytest.mark.parametrize('remove_bn', [True, False])
def test_a_student_may_start_from_its_teacher(tiny, remove_bn, standardised):
    recipe = dict(remove_bn=remove_bn, weight_standardisation=standardised)
    cfg = tiny(hook=dict(student_start='teacher', **recipe))
    cfg.model.weight_standardisation = standardised
    runner = Runner.from_cfg(cfg)

    class AtStart(Hook):
        priority = 'LOWEST'

        def before_train(self, runner):
            model = runner.model.eval()
            images = torch.randn(4, 3, 8, 8)
            torch.testing.assert_close(model(images), model.teacher(images), rtol=1e-3, atol=1e-4)
            self.seen = True
            model.train()

    hook = AtStart()
    runner.register_hook(hook)
    runner.train()
    assert hook.seen
    assert not _equal(
        {k: v for k, v in _weights(runner).items() if 'conv' in k},
        {k: v for k, v in runner.model.teacher.state_dict().items() if 'conv' in k},
    )


def test_students_share_a_teacher_whether_they_standardise_their_weights_or_not(tiny, train):
    hook = dict(weight_standardisation=True, student_start='teacher')
    first = train(tiny(hook=hook))
    weights = _store(tiny()).weights
    cfg = tiny(hook=hook)
    cfg.model.weight_standardisation = True
    before = weights.stat().st_mtime_ns
    second = train(cfg)
    assert weights.stat().st_mtime_ns == before
    assert _equal(second.model.teacher.state_dict(), first.model.teacher.state_dict())
    # Resumed, it has the same teacher.
    cfg = tiny(hook=hook, options={'resume': True})
    cfg.model.weight_standardisation = True
    assert _equal(_weights(train(cfg)), _weights(second))


def test_a_given_teacher_of_plain_weights_is_no_start_for_standardised_ones(tiny, train):
    cfg = tiny()
    train(cfg)
    hook = dict(weight_standardisation=True, student_start='teacher')
    other = tiny(hook=dict(hook, checkpoint=str(_store(cfg).weights)))
    other.model.weight_standardisation = True
    other.work_dir = f'{cfg.work_dir}_other'
    with pytest.raises(CTError, match="would standardise the teacher's plain weights"):
        train(other)


def test_an_unknown_start_is_refused(tiny):
    with pytest.raises(ValueError, match=r"student_start must be 'scratch' or 'teacher'.*'bn'"):
        Runner.from_cfg(tiny(hook=dict(student_start='bn')))
