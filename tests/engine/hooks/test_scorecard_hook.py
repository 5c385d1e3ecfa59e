"""Scores at the end of training: those of the tool."""

import json
from pathlib import Path

import pytest
import torch
from mmengine.config import Config

from mmct import config_path
from mmct.evaluation import read_result
from mmct.runs import CTError
from mmct.runs.identity import digest
from mmct.runs.weights import load_state_dict, safe_loading

FEW = dict(corruptions=['fog'], severities=[2, 4])


def with_hook(cfg, **settings):
    cfg.custom_hooks = [*cfg.get('custom_hooks', []), dict(type='ScorecardHook', **settings)]
    cfg.test_dataloader.dataset.update(indices=32, serialize_data=False)
    return cfg


def test_student_and_teacher_are_scored_and_reported(tiny, train, capsys):
    cfg = with_hook(tiny(), **FEW)
    runner = train(cfg)
    folder = runner.work_dir + '/scorecard'
    student, teacher = (read_result(f'{folder}/{name}.json') for name in ('student', 'teacher'))
    # The test set is the validation set: their errors are those of ct_result.json.
    with open(f'{runner.work_dir}/ct_result.json') as file:
        compared = json.load(file)
    for result, role in ((student, 'student'), (teacher, 'teacher')):
        accuracy = 100 - result['summary']['clean_error_pct']
        assert accuracy == pytest.approx(compared[f'{role}_accuracy_pct'])
        assert list(result['summary']['corruption_error_pct']) == ['fog']
    assert student['model']['weights_sha256'] != teacher['model']['weights_sha256']
    with open(f'{folder}/report.html') as file:
        page = file.read()
    assert student['name'] in page and teacher['name'] in page
    # The teacher is never the baseline.
    assert 'Corruption scorecard: teacher without BN, CT</h1>' in page
    assert 'Differences' not in page
    assert '┃ corrupted ┃' in capsys.readouterr().out


def test_a_model_without_teacher(tiny, train):
    runner = train(with_hook(tiny('bn_resnet18_digits'), **FEW))
    assert read_result(f'{runner.work_dir}/scorecard/model.json')['data']['images'] == 32


def test_another_training_in_the_same_folder_replaces_the_scores(tiny, train):
    found = []
    for seed in (0, 1):
        cfg = with_hook(tiny('bn_resnet18_digits'), **FEW)
        cfg.randomness = dict(seed=seed)
        runner = train(cfg)
        found.append(read_result(f'{runner.work_dir}/scorecard/model.json'))
    assert len({result['model']['weights_sha256'] for result in found}) == 2


def test_switched_off_or_without_a_test_set(tiny, train, tmp_path):
    runner = train(with_hook(tiny('bn_resnet18_digits'), enable=False))
    assert not (tmp_path / 'work' / 'scorecard').exists()
    cfg = with_hook(tiny('bn_resnet18_digits'), table='imagenet')
    with pytest.raises(CTError, match='too small'):
        train(cfg)
    with pytest.raises(CTError, match='too small'):
        train(with_hook(tiny(), table='imagenet'))
    # Before the teacher is trained.
    assert not (tmp_path / 'work' / 'teacher').exists()
    cfg = with_hook(tiny('bn_resnet18_digits'), **FEW)
    cfg.test_dataloader = cfg.test_cfg = cfg.test_evaluator = None
    with pytest.raises(CTError, match='the config has none'):
        train(cfg)
    assert runner.epoch == 2


def test_the_digits_end_with_a_scorecard():
    hooks = Config.fromfile(config_path('ct_resnet18_digits')).custom_hooks
    assert [hook.type for hook in hooks] == ['NoBNTeacherHook', 'BaselineHook', 'ScorecardHook']


def test_an_average_is_scored_as_it_is_in_the_checkpoint(tiny, train):
    cfg = with_hook(tiny(), **FEW)
    cfg.custom_hooks += [dict(type='EMAHook', momentum=0.1), dict(type='BaselineHook', length=1)]
    runner = train(cfg)
    file = next(Path(runner.work_dir).glob('epoch_*.pth'))
    with safe_loading():
        checkpoint = torch.load(file)
    student, baseline = (
        read_result(f'{runner.work_dir}/scorecard/{role}.json') for role in ('student', 'baseline')
    )
    assert student['model']['weights_sha256'] == digest(checkpoint['state_dict'])
    with open(f'{runner.work_dir}/ct_result.json') as result:
        accuracy = json.load(result)['student_accuracy_pct']
    assert accuracy == pytest.approx(100 - student['summary']['clean_error_pct'])
    # The run itself keeps its own weights, which the checkpoint holds as the others.
    averaged, other = checkpoint['state_dict'], checkpoint['ema_state_dict']
    own = {name: other[f'module.{name}'] for name in averaged}
    assert digest(runner.model.state_dict()) == digest(own) != digest(averaged)
    # What it is compared with is an average, too.
    kept = load_state_dict(f'{runner.work_dir}/baseline/baseline.pth')
    assert baseline['model']['weights_sha256'] == digest(kept)
    with safe_loading():
        last = torch.load(next(Path(runner.work_dir, 'baseline').glob('epoch_*.pth')))
    assert digest(kept) == digest(last['state_dict']) and 'ema_state_dict' in last
