"""A run that was killed and resumed ends as one that was not."""

import json
import multiprocessing
import runpy
import signal
from pathlib import Path

import pytest
import torch

import mmct
from mmct.engine.checkpoint import load

TRAIN = Path(__file__).resolve().parents[1] / 'tools' / 'train.py'

# Shrunk digits; batches are augmented in the workers (crops) and in the main
# process (Mixup).
BASE = """
_base_ = [{base!r}]
model = dict(
    backbone=dict(stem_channels=4, base_channels=4), head=dict(in_channels=32),
    train_cfg=dict(augments=dict(type='Mixup', alpha=1.0)))
train_dataloader = dict(batch_size=16, num_workers={workers},
    persistent_workers={workers} > 0, dataset=dict(indices=72))
val_dataloader = dict(dataset=dict(indices=32))
randomness = dict(seed=None)
custom_hooks = [dict(type='NoBNTeacherHook', on_weak_teacher='warn'), {hooks}]
"""
BY_EPOCH = """
train_cfg = dict(max_epochs=3)
param_scheduler = [dict(type='CosineAnnealingLR', T_max=3, convert_to_iter_based=True)]
"""
# Checkpoints inside an epoch of five batches, and inside an accumulation.
BY_ITER = """
train_cfg = dict(_delete_=True, by_epoch=False, max_iters=14, val_interval=6)
param_scheduler = [dict(type='CosineAnnealingLR', T_max=14, by_epoch=False)]
default_hooks = dict(checkpoint=dict(by_epoch=False, interval=3, max_keep_ckpts=1))
optim_wrapper = dict(accumulative_counts=2)
"""
CASES = dict(
    epochs=(BASE + BY_EPOCH, 2, ''),
    epochs_ema=(BASE + BY_EPOCH, 0, "dict(type='EMAHook')"),
    iterations=(BASE + BY_ITER, 2, ''),
    iterations_no_workers=(BASE + BY_ITER, 0, ''),
)
# A run in a new process that kills itself, as `kill -9` would, at one point.
SCRIPT = """
import os, runpy, signal, sys
import mmct.engine, mmct.models
from mmpretrain.models import ImageClassifier

def die(*args, **kwargs):
    os.kill(os.getpid(), signal.SIGKILL)

def nth(n, function):
    calls = []
    def counted(*args, **kwargs):
        calls.append(1)
        return die() if len(calls) == n else function(*args, **kwargs)
    return counted

replace = os.replace
def killed_before(name):
    return lambda old, new: die() if str(new).endswith(name) else replace(old, new)

{kill}
sys.stdout = sys.stderr = open({log!r}, 'a')
os.chdir({folder!r})
sys.argv = ['train.py', 'config.py', '--work-dir', 'run', *{options!r}]
runpy.run_path({tool!r}, run_name='__main__')
"""
TEACHER = 'mmct.models.NormFreeClassifier.loss = nth({}, ImageClassifier.loss)'
STUDENT = 'mmct.models.CTClassifier.loss = nth({}, mmct.models.CTClassifier.loss)'
BETWEEN = 'mmct.engine.NoBNTeacherHook._check_strength = die'
WRITING = 'os.replace = killed_before({!r})'


def start(folder, kill='', options=()):
    """Run tools/train.py in a process of its own; its exit code."""
    script = folder / 'start.py'
    log = folder / 'log.txt'
    script.write_text(
        SCRIPT.format(
            kill=kill, log=str(log), folder=str(folder), options=options, tool=str(TRAIN)
        )
    )
    # From a server that has imported mmct: seconds less a process.
    context = multiprocessing.get_context('forkserver')
    context.set_forkserver_preload(['mmct'])
    process = context.Process(
        target=runpy.run_path, args=(str(script),), kwargs=dict(run_name='__main__')
    )
    process.start()
    process.join()
    return process.exitcode


def make(folder, case, seed=None):
    text, workers, hooks = CASES[case]
    base = mmct.config_path('ct_resnet18_digits')
    (folder / 'run').mkdir(parents=True)
    config = text.format(base=base, workers=workers, hooks=hooks)
    (folder / 'config.py').write_text(config)
    if seed is not None:
        (folder / 'run' / 'seed.json').write_text(seed)
    return folder


def final(folder):
    """All tensors that a finished run leaves."""
    run = folder / 'run'
    student = load(run / Path((run / 'last_checkpoint').read_text()).name)
    tensors = dict(load(run / 'teacher' / 'teacher.pth'))
    tensors |= {f'student.{k}': v for k, v in student['state_dict'].items()}
    tensors |= {f'other.{k}': v for k, v in student.get('ema_state_dict', {}).items()}
    for key, state in student['optimizer']['state'].items():
        tensors[f'momentum.{key}'] = state['momentum_buffer']
    return tensors


@pytest.mark.parametrize('case', CASES)
def test_killed_anywhere_and_resumed_it_ends_with_the_same_weights(tmp_path, case):
    whole = make(tmp_path / 'whole', case)
    assert start(whole) == 0, (whole / 'log.txt').read_text()[-3000:]
    seed = (whole / 'run' / 'seed.json').read_text()
    torn = make(tmp_path / 'torn', case, seed)
    checkpoint = 'iter_9.pth' if case.startswith('iter') else 'epoch_2.pth'
    # Fifteen (or fourteen) steps a stage, five an epoch.
    kills = (
        TEACHER.format(8),
        WRITING.format(f'teacher/{checkpoint}'),
        BETWEEN,
        STUDENT.format(3),
        STUDENT.format(8),
        WRITING.format(f'run/{checkpoint}'),
        WRITING.format('last_checkpoint'),
    )
    for kill in kills:
        code = start(torn, kill, ['--resume'])
        assert code == -signal.SIGKILL, (kill, (torn / 'log.txt').read_text()[-3000:])
    assert start(torn, options=['--resume']) == 0, (torn / 'log.txt').read_text()[-3000:]
    one, other = final(whole), final(torn)
    assert one.keys() == other.keys()
    differing = [name for name in one if not torch.equal(one[name], other[name])]
    assert not differing
    results = [json.loads((f / 'run' / 'ct_result.json').read_text()) for f in (whole, torn)]
    for result in results:
        del result['teacher_seconds'], result['student_seconds']
    assert results[0] == results[1]
    # One checkpoint a stage is kept, and nothing half-written.
    left = {p.name for p in (torn / 'run').rglob('*') if p.suffix in ('.pth', '.tmp')}
    kept = 'iter_14.pth' if case.startswith('iter') else 'epoch_3.pth'
    assert left == {'teacher.pth', kept}
