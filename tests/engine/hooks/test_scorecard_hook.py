"""Scores at the end of training: those of the tool."""

import json

import pytest
from mmengine.config import Config

from mmct import config_path
from mmct.evaluation import read_result
from mmct.runs import CTError

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
