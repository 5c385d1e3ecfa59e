"""Checkpoints hold the config as it is, formatted once; test_resume.py has all about resuming."""

import math
from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from mmengine.hooks import Hook
from mmengine.optim import OptimWrapper, OptimWrapperDict
from mmengine.registry import OPTIM_WRAPPER_CONSTRUCTORS, OPTIMIZERS

from mmct.runs import CTError
from mmct.runs.building import check_finite


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


def in_epochs(tiny, **settings):
    cfg = tiny('bn_resnet18_digits', options={'train_cfg.max_epochs': 4})
    hook = dict(type='ResumableCheckpointHook', interval=1, max_keep_ckpts=-1)
    cfg.default_hooks.checkpoint = dict(hook, on_other_config='warn', **settings)
    cfg.param_scheduler = [
        dict(type='LinearLR', start_factor=0.1, end=1, convert_to_iter_based=True),
        dict(type='CosineAnnealingLR', begin=1, end=4, T_max=3, convert_to_iter_based=True),
    ]
    return cfg


@pytest.mark.parametrize('batch', [8, 32])
@pytest.mark.parametrize('says', [True, False])
def test_in_epochs_of_another_length_a_run_has_their_schedule(tiny, train, tmp_path, batch, says):
    """As with another number of processes."""
    train(in_epochs(tiny))
    cfg = in_epochs(tiny)
    cfg.train_dataloader.batch_size = batch
    cfg.work_dir = str(tmp_path / 'whole')
    train(cfg, whole := Rates())
    file = tmp_path / 'work' / 'epoch_2.pth'
    if not says:  # of an earlier version
        saved = torch.load(file, weights_only=False)
        del saved['mmct']['epoch_length']
        torch.save(saved, file)
    cfg.resume, cfg.load_from = True, str(file)
    runner = train(cfg, resumed := Rates())
    assert resumed.found == pytest.approx(whole.found[len(whole.found) // 2:])
    assert (runner.epoch, runner.iter) == (4, len(whole.found))


def test_a_checkpoint_without_its_schedule_is_not_resumed(tiny, train, tmp_path):
    train(in_epochs(tiny, save_param_scheduler=False))
    cfg = in_epochs(tiny)
    cfg.resume, cfg.load_from = True, str(tmp_path / 'work' / 'epoch_2.pth')
    with pytest.raises(CTError, match='lacks progress, optimizer or schedule'):
        train(cfg)
    cfg.param_scheduler = None
    assert train(cfg).epoch == 4


@pytest.mark.parametrize(('interval', 'restarts'), [(3, True), (4, True), (None, False)])
def test_an_epoch_that_is_not_counted_yet_is_said_to_restart(
    tiny, train, tmp_path, interval, restarts
):
    own = {} if interval is None else dict(by_epoch=False, interval=interval)
    train(in_epochs(tiny, **own))
    name = 'epoch_1.pth' if interval is None else f'iter_{interval}.pth'
    cfg = in_epochs(tiny)
    cfg.resume, cfg.load_from = True, str(tmp_path / 'work' / name)
    log = train(cfg)._log_dir
    (text,) = [file.read_text() for file in Path(log).glob('*.log')]
    assert ('epoch-based training restarts the epoch' in text) == restarts
