"""Statistics that no longer change for the last part of a training."""

import pytest
import torch
from mmengine.hooks import Hook

from mmct.engine import FreezeBNStatisticsHook


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


def test_a_moment_that_is_none_is_refused():
    with pytest.raises(ValueError, match='begin must be in .0, 1.*got 1'):
        FreezeBNStatisticsHook(begin=1)
