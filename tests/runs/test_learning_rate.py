"""A student's learning rate beside its teacher's."""

from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from mmengine.config import Config
from mmengine.hooks import Hook
from mmengine.optim import OptimWrapper
from mmengine.registry import PARAM_SCHEDULERS
from mmengine.runner import Runner

from mmct.runs.configs import scale_learning_rate

SCHEDULES = dict(
    none=[],
    warm_up_and_cosine=[
        dict(type='LinearLR', start_factor=0.1, end=3),
        dict(type='CosineAnnealingLR', begin=3, T_max=4, eta_min_ratio=0.1),
    ],
    restarts=[dict(type='CosineRestartLR', periods=[3, 5], restart_weights=[1, 0.5], eta_min=0)],
    steps=[dict(type='MultiStepLR', milestones=[3, 6])],
    polynomial=[dict(type='PolyLR', power=2, end=8)],
    one_cycle=[dict(type='OneCycleLR', eta_max=0.2, total_steps=8)],
    momentum_too=[
        dict(type='ExponentialLR', gamma=0.5),
        dict(type='CosineAnnealingMomentum', T_max=5, eta_min=0.5),
    ],
)


def _course(schedules, factor):
    """Learning rates and momenta of eight steps of two groups of parameters."""
    groups = [dict(params=[torch.nn.Parameter(torch.zeros(1))], lr=lr) for lr in (0.1, 0.3)]
    optimizer = OptimWrapper(torch.optim.SGD(groups, momentum=0.9))
    built = [
        PARAM_SCHEDULERS.build(dict(optimizer=optimizer, by_epoch=False, **settings))
        for settings in schedules
    ]
    if factor is not None:
        runner = SimpleNamespace(optim_wrapper=optimizer, param_schedulers=built)
        scale_learning_rate(runner, factor)
    rates, momenta = [], []
    for _ in range(8):
        rates += optimizer.get_lr()['lr']
        momenta += optimizer.get_momentum()['momentum']
        optimizer.step()
        for scheduler in built:
            scheduler.step()
    return rates, momenta


@pytest.mark.parametrize('schedules', SCHEDULES.values(), ids=SCHEDULES)
def test_the_whole_schedule_is_multiplied(schedules):
    rates, momenta = _course(schedules, None)
    scaled = _course(schedules, 0.1)
    assert len(set(rates)) > 2 or not schedules
    assert scaled[0] == pytest.approx([0.1 * rate for rate in rates], rel=1e-9)
    assert scaled[1] == momenta


def test_the_student_has_the_factor_and_the_teacher_has_not(tiny):
    class FirstRate(Hook):
        def before_train_epoch(self, runner):
            self.rate = runner.optim_wrapper.get_lr()['lr'][0]

    cfg = tiny(hook=dict(student_lr_mult=0.1))
    cfg.param_scheduler = None
    runner, first = Runner.from_cfg(cfg), FirstRate()
    runner.register_hook(first)
    runner.train()
    rate = cfg.optim_wrapper.optimizer.lr
    assert first.rate == pytest.approx(0.1 * rate)
    teacher = Config.fromfile(next(Path(cfg.work_dir, 'teacher').glob('*.py')))
    assert teacher.optim_wrapper.optimizer.lr == rate


@pytest.mark.parametrize('factor', [0, -0.1, 'tenth'])
def test_a_factor_that_is_not_positive_is_refused(tiny, factor):
    with pytest.raises(ValueError, match='student_lr_mult must be positive, but got'):
        Runner.from_cfg(tiny(hook=dict(student_lr_mult=factor)))
