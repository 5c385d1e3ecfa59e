"""Losses and predictions that are not finite end every run."""

from pathlib import Path

import pytest
import torch
from mmengine.hooks import Hook
from mmpretrain.structures import DataSample

from mmct.runs.building import build_runner
from mmct.runs.divergence import check_losses, check_predictions
from mmct.runs.errors import DivergedError


class Spoil(Hook):
    """Makes the network give NaN before a step."""

    def before_train_iter(self, runner, batch_idx, data_batch=None):
        if runner.iter == 2:
            next(runner.model.parameters()).data.fill_(float('nan'))


@pytest.mark.parametrize('value', ['nan', 'inf'])
def test_the_part_of_the_loss_is_named(value):
    check_losses(dict(loss=torch.tensor(1.0), loss_domains=torch.tensor(2.0)), 7)
    check_losses(None, 7)
    # What mmengine calls loss may be a part of it.
    outputs = dict(loss=torch.tensor(1.0), loss_domains=torch.tensor(float(value)))
    with pytest.raises(DivergedError, match=f'^the loss is {value} at iteration 7 .loss_domains.:'):
        check_losses(outputs, 7)
    with pytest.raises(DivergedError, match=f'^the loss is {value} at iteration 7: lower the lr'):
        check_losses(dict(loss=float(value), accuracy=50.0), 7)


def test_a_training_stops_before_its_checkpoint_is_saved(tiny):
    cfg = tiny('bn_resnet18_digits', options={'train_cfg.max_epochs': 1})
    cfg.default_hooks = dict(checkpoint=dict(type='CheckpointHook', interval=3, by_epoch=False))
    runner = build_runner(cfg)
    runner.register_hook(Spoil())
    with pytest.raises(DivergedError, match='^the loss is nan at iteration 3'):
        runner.train()
    assert not list(Path(runner.work_dir).glob('*.pth'))


def test_a_network_without_finite_scores_is_not_scored(tiny):
    runner = build_runner(tiny('bn_resnet18_digits'))
    next(runner.model.parameters()).data.fill_(float('nan'))
    for run in (runner.val_loop.run, runner.test):
        with pytest.raises(DivergedError, match='no finite scores for .* images of a batch'):
            run()


def test_samples_without_scores_are_let_pass():
    good = DataSample().set_pred_score(torch.tensor([0.5, 0.5]))
    check_predictions([good, DataSample().set_pred_label(1)])
    bad = DataSample().set_pred_score(torch.tensor([0.5, float('nan')]))
    with pytest.raises(DivergedError, match='for 1 images of a batch'):
        check_predictions([good, bad])
