"""The processes in which cells run."""

import os

import pytest
import torch
from study_files import results_of, write_study

from mmct.runs.configs import load_config
from mmct.studies import LocalExecutor, Planner, StudyStore, read_study, run_study
from mmct.studies.executors import _environment

OWN = '''
import os
import torch
from mmct.studies import SCORES

@SCORES.register_module(force=True)
class Process:
    def __init__(self, name):
        pass

    def __call__(self, run):
        print('measures')
        return dict(
            pid=os.getpid(),
            bad_fork=torch.cuda._is_in_bad_fork(),
            threads=torch.get_num_threads(),
            gpu=os.environ.get('CUDA_VISIBLE_DEVICES'),
        )
'''
STUDY = """
custom_imports = dict(imports=['own_process'])
scores = dict(process=dict(type='Process'))
table = {}
"""


def test_a_cell_has_a_process_a_gpu_and_its_share_of_the_cores(tmp_path, monkeypatch, capfd):
    (tmp_path / 'own_process.py').write_text(OWN)
    monkeypatch.syspath_prepend(tmp_path)
    study = read_study(load_config(str(write_study(tmp_path, STUDY))))
    # As on a machine with two GPUs; this process has asked for them.
    torch.cuda.is_available()
    monkeypatch.setattr(torch.cuda, 'device_count', lambda: 2)
    monkeypatch.setattr('mmct.studies.executors.available_cores', lambda: 2)
    monkeypatch.setenv('CUDA_VISIBLE_DEVICES', '5,7')
    monkeypatch.delenv('OMP_NUM_THREADS', raising=False)
    planner = Planner(study, StudyStore(tmp_path / 'out'))
    (cell,) = planner.cells({})
    # As if it were trained: it has but to be scored.
    planner.store.keep_result(cell.key, dict(title=cell.title, diverged=None, scores={}))
    planner.store.run(cell.key).mkdir(parents=True)
    planner.store.weights(cell.key).touch()
    progress = run_study(planner, planner.store, LocalExecutor(2), lambda progress: None)
    assert not progress.failed
    (result,) = results_of(tmp_path / 'out').values()
    found = result['scores']['process']['value']
    assert (found['gpu'], found['threads']) == ('5', 1)
    assert found['pid'] != os.getpid()
    # In a forked process CUDA could not be initialised.
    assert not found['bad_fork']
    # What it prints, imports included, is in its log; here all is as it was.
    assert capfd.readouterr() == ('', '')
    assert os.environ['CUDA_VISIBLE_DEVICES'] == '5,7'
    assert 'OMP_NUM_THREADS' not in os.environ
    (log,) = (tmp_path / 'out').glob('runs/*/log.txt')
    assert 'measures' in log.read_text()


def test_gpus_are_given_out_in_turn(monkeypatch):
    monkeypatch.setattr(torch.cuda, 'device_count', lambda: 2)
    for visible, given in (('5,7', ['5', '7', '5']), ('', ['0', '1', '0'])):
        monkeypatch.setenv('CUDA_VISIBLE_DEVICES', visible)
        slots = [_environment(slot, 3)['CUDA_VISIBLE_DEVICES'] for slot in range(3)]
        assert slots == given


@pytest.mark.parametrize(
    ('set_', 'jobs', 'threads'), [({}, 2, '4'), ({}, 16, '1'), ({'OMP_NUM_THREADS': '3'}, 2, None)]
)
def test_cores_are_shared_out_unless_the_environment_says_otherwise(
    monkeypatch, set_, jobs, threads
):
    monkeypatch.setattr('mmct.studies.executors.available_cores', lambda: 8)
    monkeypatch.setattr(os, 'environ', set_)
    assert _environment(0, jobs).get('OMP_NUM_THREADS') == threads
