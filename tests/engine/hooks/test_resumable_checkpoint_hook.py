"""Checkpoints hold the config as it is, formatted once; test_resume.py has all about resuming."""

import math
from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from mmengine.hooks import Hook
from mmengine.logging import MMLogger
from mmengine.optim import OptimWrapper, OptimWrapperDict
from mmengine.registry import OPTIM_WRAPPER_CONSTRUCTORS, OPTIMIZERS

from mmct.runs import CTError
from mmct.runs.building import check_finite
from mmct.runs.weights import safe_loading


class Rename(Hook):
    """Changes the config in the second epoch."""

    def before_train_epoch(self, runner):
        if runner.epoch == 1:
            runner.cfg.experiment_name = 'renamed'


def test_a_config_is_formatted_once_for_all_checkpoints_unless_it_changes(
    tiny, train, monkeypatch, tmp_path
):
    formatted, texts = Config.pretty_text, []

    def counted(cfg):
        texts.append(formatted.fget(cfg))
        return texts[-1]

    monkeypatch.setattr(Config, 'pretty_text', property(counted))
    checkpoint = dict(type='ResumableCheckpointHook', interval=1, max_keep_ckpts=-1)
    cfg = tiny('bn_resnet18_digits', options={'train_cfg.max_epochs': 3})
    cfg.default_hooks.checkpoint = checkpoint
    train(cfg, Rename())
    saved = [
        torch.load(tmp_path / 'work' / f'epoch_{epoch}.pth', weights_only=False)['meta']['cfg']
        for epoch in (1, 2, 3)
    ]
    assert saved[0] != saved[1] == saved[2]
    assert 'renamed' in saved[1] and texts.count(saved[1]) == texts[1:].count(saved[1]) == 1
    assert Config.pretty_text.fget is counted


@OPTIM_WRAPPER_CONSTRUCTORS.register_module()
class TwoOptimizers:
    """One for the backbone, and one for the head, which waits for a second step."""

    def __init__(self, optim_wrapper_cfg, paramwise_cfg=None):
        self.cfg = optim_wrapper_cfg.optimizer

    def __call__(self, model):
        body, head = (OPTIMIZERS.build({**self.cfg, 'params': part.parameters()})
                      for part in (model.backbone, model.head))  # fmt: skip
        return OptimWrapperDict(body=OptimWrapper(body), head=OptimWrapper(head, 2))


class StepBoth(Hook):
    """Trains one batch as a network with several optimizers does."""

    def before_train(self, runner):
        model = runner.model

        def train_step(data, optim_wrapper):
            data = model.data_preprocessor(data, True)
            losses = model(**data, mode='loss')
            for wrapper in optim_wrapper.values():
                wrapper.zero_grad()
            losses['loss'].backward()
            for wrapper in optim_wrapper.values():
                wrapper.step()
            return losses

        model.train_step = train_step


def test_several_optimizers_are_saved(tiny, train, tmp_path):
    cfg = tiny('bn_resnet18_digits', options={'train_cfg.max_epochs': 1})
    cfg.optim_wrapper.constructor = 'TwoOptimizers'
    cfg.default_hooks.checkpoint = dict(type='ResumableCheckpointHook', interval=1)
    cfg.param_scheduler = None
    train(cfg, StepBoth())
    saved = torch.load(tmp_path / 'work' / 'epoch_1.pth', weights_only=False)
    assert set(saved['optimizer']) == {'body', 'head'}


def test_a_rate_that_is_not_finite_is_refused_of_each_optimizer():
    good, bad = (OptimWrapper(torch.optim.SGD([torch.zeros(1)], lr=lr)) for lr in (0.1, math.inf))
    check_finite(OptimWrapperDict(good=good))
    with pytest.raises(CTError, match='lr is inf'):
        check_finite(OptimWrapperDict(good=good, bad=bad))


class Rates(Hook):
    """Keeps the learning rate of each step."""

    def __init__(self):
        self.found = []

    def before_train_iter(self, runner, batch_idx, data_batch=None):
        self.found += runner.optim_wrapper.get_lr()['lr'][:1]


SCHEDULES = dict(
    in_epochs=[
        dict(type='LinearLR', start_factor=0.1, end=2, convert_to_iter_based=True),
        dict(type='CosineAnnealingLR', begin=2, end=4, T_max=2, convert_to_iter_based=True),
    ],
    later=[dict(type='ConstantLR', factor=0.1, begin=2, end=3, convert_to_iter_based=True)],
    in_iterations=[dict(type='MultiStepLR', by_epoch=False, milestones=[3, 9])],
    by_epoch=[dict(type='MultiStepLR', milestones=[1, 3])],
)


def in_epochs(tiny, schedule='in_epochs', **settings):
    cfg = tiny('bn_resnet18_digits', options={'train_cfg.max_epochs': 4})
    hook = dict(type='ResumableCheckpointHook', interval=1, max_keep_ckpts=-1)
    cfg.default_hooks.checkpoint = {**hook, 'on_other_config': 'warn', **settings}
    cfg.param_scheduler = SCHEDULES[schedule]
    return cfg


def resumed(cfg, file):
    cfg.resume, cfg.load_from = True, str(file)
    return cfg


@pytest.mark.parametrize('batch', [8, 32])
@pytest.mark.parametrize('schedule', SCHEDULES)
def test_in_epochs_of_another_length_a_run_has_their_schedule(
    tiny, train, tmp_path, batch, schedule
):
    """As with another number of processes."""
    train(in_epochs(tiny, schedule))

    def config():
        cfg = in_epochs(tiny, schedule)
        cfg.train_dataloader.batch_size = batch
        return cfg

    whole, other = Rates(), config()
    other.work_dir = str(tmp_path / 'whole')
    train(other, whole)
    for epoch in (1, 2):
        found = Rates()
        runner = train(resumed(config(), tmp_path / 'work' / f'epoch_{epoch}.pth'), found)
        assert found.found == pytest.approx(whole.found[epoch * len(whole.found) // 4:])
        assert (runner.epoch, runner.iter) == (4, len(whole.found))


def test_a_rate_that_was_scaled_stays_so(tiny, train, tmp_path):
    def scaled(factor):
        cfg = in_epochs(tiny)
        cfg.work_dir = str(tmp_path / str(factor))
        cfg.optim_wrapper.optimizer.lr *= factor
        train(cfg)
        found, cfg = Rates(), in_epochs(tiny)
        cfg.train_dataloader.batch_size = 8
        train(resumed(cfg, Path(tmp_path / str(factor) / 'epoch_1.pth')), found)
        return found.found

    assert scaled(0.5) == pytest.approx([0.5 * rate for rate in scaled(1)])


def test_of_an_earlier_version_epochs_have_the_length_of_as_many_processes(tiny, train, tmp_path):
    train(in_epochs(tiny))
    file = tmp_path / 'work' / 'epoch_2.pth'
    with safe_loading():
        saved = torch.load(file, weights_only=False)
    del saved['mmct']['epoch_length']
    saved['mmct']['fingerprint']['world_size'] = 2
    saved['meta']['iter'] = 4
    torch.save(saved, file)
    assert train(resumed(in_epochs(tiny), file)).iter == 16


def test_a_checkpoint_without_its_schedule_is_not_resumed(tiny, train, tmp_path):
    train(in_epochs(tiny, save_param_scheduler=False))
    cfg = resumed(in_epochs(tiny, on_other_config='stop'), tmp_path / 'work' / 'epoch_2.pth')
    with pytest.raises(CTError, match='no state of the schedule .save_param_scheduler=False.: to'):
        train(cfg)
    cfg.default_hooks.checkpoint.on_other_config = 'warn'
    train(cfg, found := Rates())
    whole = in_epochs(tiny)
    whole.work_dir = str(tmp_path / 'whole')
    train(whole, expected := Rates())
    assert found.found == pytest.approx(expected.found[8:])
    cfg.param_scheduler = None
    assert train(cfg).epoch == 4


def test_a_momentum_has_its_schedule_too(tiny, train, tmp_path):
    class Momenta(Rates):
        def before_train_iter(self, runner, batch_idx, data_batch=None):
            self.found.append(runner.optim_wrapper.param_groups[0]['betas'][0])

    def config(batch, folder):
        cfg = in_epochs(tiny)
        cfg.optim_wrapper.optimizer = dict(type='AdamW', lr=1e-3)
        settings = dict(type='CosineAnnealingMomentum', T_max=4, eta_min=0.5)
        cfg.param_scheduler = [dict(settings, convert_to_iter_based=True)]
        cfg.train_dataloader.batch_size, cfg.work_dir = batch, str(tmp_path / folder)
        return cfg

    train(config(16, 'first'))
    train(config(32, 'whole'), whole := Momenta())
    train(resumed(config(32, 'first'), tmp_path / 'first' / 'epoch_2.pth'), found := Momenta())
    assert found.found == pytest.approx(whole.found[4:])


def test_inside_the_first_epoch_the_schedule_is_that_of_the_run(tiny, train, tmp_path):
    train(in_epochs(tiny, by_epoch=False, interval=3))
    cfg = in_epochs(tiny)
    cfg.train_dataloader.batch_size = 8
    train(resumed(cfg, tmp_path / 'work' / 'iter_3.pth'), found := Rates())
    other = in_epochs(tiny)
    other.train_dataloader.batch_size, other.work_dir = 8, str(tmp_path / 'whole')
    train(other, whole := Rates())
    assert found.found == pytest.approx(whole.found)


@pytest.mark.parametrize(('interval', 'restarts'), [(3, True), (4, True), (None, False)])
def test_an_epoch_that_is_not_counted_yet_is_said_to_restart(
    tiny, train, tmp_path, monkeypatch, interval, restarts
):
    own = {} if interval is None else dict(by_epoch=False, interval=interval)
    train(in_epochs(tiny, **own))
    name = 'epoch_1.pth' if interval is None else f'iter_{interval}.pth'
    said = []
    monkeypatch.setattr(MMLogger, 'warning', lambda logger, text, *_: said.append(str(text)))
    runner = train(resumed(in_epochs(tiny), tmp_path / 'work' / name))
    assert any('training restarts the epoch' in text for text in said) == restarts
    assert runner.epoch == 4
