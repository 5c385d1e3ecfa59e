"""The plain network that a CT run is compared with."""

import json
from pathlib import Path

import pytest
import torch
from mmengine.config import ConfigDict

from mmct.evaluation import read_result
from mmct.runs import CTError
from mmct.runs.checkpoint import last_checkpoint
from mmct.runs.configs import resume_from
from mmct.runs.weights import load_state_dict
from mmct.teacher.config import baseline_config

SCORES = dict(type='ScorecardHook', corruptions=['fog', 'snow'], severities=[3])


def with_baseline(cfg, **settings):
    hooks = [*cfg.custom_hooks, dict(type='BaselineHook', **settings), SCORES]
    cfg.custom_hooks = [ConfigDict(hook) for hook in hooks]
    return cfg


def test_it_trains_scores_and_compares_a_third_network(tiny, train, tmp_path, capsys):
    runner = train(with_baseline(tiny(hook=dict(length=1.5))))
    with_it = {name: value.clone() for name, value in runner.model.state_dict().items()}
    out = capsys.readouterr().out
    baseline = load_state_dict(tmp_path / 'work' / 'baseline' / 'baseline.pth')
    # It has BN, and trained as long as teacher (three epochs) and student (two) together.
    assert any(name.endswith('running_var') for name in baseline)
    log = (tmp_path / 'work' / 'baseline').glob('*/vis_data/scalars.json')
    steps = [json.loads(line)['step'] for line in next(log).read_text().splitlines()]
    assert max(steps) == 5 * 4
    results = {
        name: read_result(tmp_path / 'work' / 'scorecard' / f'{name}.json')
        for name in ('baseline', 'teacher', 'student')
    }
    assert len({result['model']['weights_sha256'] for result in results.values()}) == 3
    errors = {name: result['summary']['raw_mce_pct'] for name, result in results.items()}
    change = errors['student'] - errors['baseline']
    assert f'{change:+.2f}' in out and 'minus plain BN' in out and 'Picture: ' in out
    # The student is what it is without.
    plain = tiny(hook=dict(length=1.5))
    plain.work_dir = str(tmp_path / 'without')
    without = train(plain).model.state_dict()
    assert all(torch.equal(with_it[name], value) for name, value in without.items())


def test_it_is_trained_once_for_a_config(tiny, train, tmp_path):
    weights = tmp_path / 'work' / 'baseline' / 'baseline.pth'
    hooks = dict(length=1)
    train(with_baseline(tiny(), **hooks))
    first = weights.stat().st_mtime_ns
    train(with_baseline(tiny(), **hooks))
    assert weights.stat().st_mtime_ns == first
    # Another config's is moved aside.
    train(with_baseline(tiny(options={'train_dataloader.batch_size': 8}, hook=dict(retrain=True)),
                        **hooks))  # fmt: skip
    assert weights.stat().st_mtime_ns != first
    assert len([*(tmp_path / 'work').glob('baseline*/baseline.pth')]) == 2


def test_a_resumed_run_of_another_number_of_processes_keeps_a_finished_one(
    tiny, train, tmp_path, monkeypatch
):
    weights = tmp_path / 'work' / 'baseline' / 'baseline.pth'
    train(with_baseline(tiny(), length=1))
    first = weights.stat().st_mtime_ns
    monkeypatch.setattr('mmct.teacher.training.get_world_size', lambda: 2)
    cfg = with_baseline(tiny(), length=1)
    resume_from(cfg, last_checkpoint(cfg.work_dir, ''))
    train(cfg)
    assert weights.stat().st_mtime_ns == first


def test_it_trains_as_the_student_does_and_as_long_as_both(tiny):
    freezing = dict(type='FreezeBNStatisticsHook', begin=0.5)
    for recipe, epochs in ((dict(), 4), (dict(length=1.5), 5), (dict(max_epochs=5), 7),
                           (dict(checkpoint='teacher.pth', length=2), 6)):  # fmt: skip
        cfg = with_baseline(tiny(hook=recipe))
        cfg.custom_hooks.append(ConfigDict(freezing))
        own = baseline_config(cfg, None, 'baseline')
        assert own.train_cfg.max_epochs == epochs
        assert own.model.type == 'ImageClassifier' and own.custom_hooks == [freezing]
        assert own.optim_wrapper == cfg.optim_wrapper
    assert baseline_config(cfg, 3, 'baseline').train_cfg.max_epochs == 6
    cfg.model.weight_standardisation = True
    assert baseline_config(cfg, 3, 'baseline').model.type == 'StandardisedClassifier'


def resumed_by_a_stock_tool(cfg):
    cfg.update(resume=True, load_from='epoch_1.pth')


def with_a_damaged_record(cfg):
    folder = Path(cfg.work_dir) / 'baseline'
    folder.mkdir(parents=True)
    (folder / 'baseline.json').write_text('{')


@pytest.mark.parametrize(
    ('name', 'change', 'message'),
    [
        ('bn_resnet18_digits', lambda cfg: None, 'this run is a baseline itself'),
        ('ct_resnet18_digits', with_a_damaged_record, 'baseline.json is damaged'),
        ('ct_resnet18_digits', resumed_by_a_stock_tool, 'which weights it had started from'),
    ],
)
def test_a_run_that_can_have_no_baseline_is_refused_before_training(
    tiny, train, tmp_path, name, change, message
):
    cfg = tiny(name)
    cfg.setdefault('custom_hooks', [])
    cfg = with_baseline(cfg)
    change(cfg)
    with pytest.raises(CTError, match=message):
        train(cfg)
    assert not (tmp_path / 'work' / 'teacher').exists()


def test_a_length_that_is_not_positive_is_refused(tiny, train):
    with pytest.raises(ValueError, match='length must be positive'):
        train(with_baseline(tiny(), length=0))
