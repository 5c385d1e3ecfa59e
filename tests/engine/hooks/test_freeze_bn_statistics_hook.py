"""Statistics that no longer change for the last part of a training."""

import pytest
import torch
from mmengine.hooks import Hook

from mmct.engine import FreezeBNStatisticsHook
from mmct.runs.building import training_progress


class Statistics(Hook):
    """Keeps the running means after each step."""

    def before_train(self, runner):
        self.means, self.scales = [], []

    def after_train_iter(self, runner, *args, **kwargs):
        norm = runner.model.backbone.bn1
        self.means.append(norm.running_mean.clone())
        self.scales.append(norm.weight.detach().clone())


def test_from_the_moment_on_they_stay_and_the_rest_learns(tiny, train):
    cfg = tiny('bn_resnet18_digits', options={'train_cfg.max_epochs': 3})
    seen = Statistics()
    cfg.custom_hooks = [dict(type='FreezeBNStatisticsHook', begin=0.5)]
    runner = train(cfg, seen)
    half = runner.max_iters // 2
    moved = [not torch.equal(a, b) for a, b in zip(seen.means, seen.means[1:], strict=False)]
    assert all(moved[: half - 1]) and not any(moved[half - 1 :])
    assert not torch.equal(seen.scales[-1], seen.scales[half])
    # The epoch after that begins with all in train mode again.
    assert runner.max_iters - half > runner.max_iters // 3


class Seen(Hook):
    """How far the training was before each step, and whether the statistics were frozen."""

    priority = 'LOWEST'

    def __init__(self, end):
        self.end, self.progress, self.frozen = end, [], []

    def before_train_iter(self, runner, batch_idx, data_batch=None):
        if runner.epoch == self.end:
            raise KeyboardInterrupt
        self.progress.append(training_progress(runner, batch_idx))
        self.frozen.append(not runner.model.backbone.bn1.training)


def test_a_run_that_goes_on_in_other_batches_is_as_far_as_its_epochs(tiny, train):
    cfg = tiny('bn_resnet18_digits', options={'train_cfg.max_epochs': 3})
    cfg.custom_hooks = [dict(type='FreezeBNStatisticsHook', begin=0.5)]
    with pytest.raises(KeyboardInterrupt):
        train(cfg, Seen(end=1))
    # As many at once as two processes have.
    cfg.train_dataloader.batch_size *= 2
    cfg.resume, seen = True, Seen(end=3)
    train(cfg, seen)
    assert seen.progress == pytest.approx([1 / 3, 1 / 2, 2 / 3, 5 / 6])
    assert seen.frozen == [False, True, True, True]


def test_a_moment_that_is_none_is_refused():
    with pytest.raises(ValueError, match='begin must be in .0, 1.*got 1'):
        FreezeBNStatisticsHook(begin=1)
