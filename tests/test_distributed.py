"""Two processes on the CPU train and score as one does."""

import json
import multiprocessing
import os
import runpy
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import torch

import mmct
from mmct.engine.checkpoint import load

TOOLS = Path(__file__).resolve().parents[1] / 'tools'

# No augmentation: both see the same images, in batches of the same content.
CONFIG = """
_base_ = [{base!r}]
model = dict(
    backbone=dict(stem_channels=4, base_channels=4), head=dict(in_channels=32))
train_dataloader = dict(batch_size={batch_size}, num_workers={workers},
    persistent_workers={workers} > 0,
    dataset=dict(indices=64, {pipeline}))
val_dataloader = dict(batch_size=8, dataset=dict(indices=33))
test_dataloader = val_dataloader
train_cfg = dict(max_epochs=2)
param_scheduler = []
"""
PLAIN = "pipeline=[dict(type='PackInputs')]"
WEAK = "custom_hooks = [dict(type='NoBNTeacherHook', on_weak_teacher='warn')]\n"
SCRIPT = """
import os, runpy, signal, sys
from pathlib import Path
import mmct.models
from mmpretrain.models import ImageClassifier

os.environ.update({environ!r})
os.chdir({folder!r})
sys.stdout = sys.stderr = open('log' + os.environ.get('RANK', '') + '.txt', 'a')

def noted(loss):
    def call(*args, **kwargs):
        losses = loss(*args, **kwargs)
        with open('loss' + os.environ.get('RANK', ''), 'a') as file:
            file.write(f"{{losses['loss'].item()}}\\n")
        return losses
    return call

mmct.models.NormFreeClassifier.loss = noted(ImageClassifier.loss)
{more}
sys.argv = {argv!r}
runpy.run_path(sys.argv[0], run_name='__main__')
"""


def start(folder, *argv, processes=1, more=''):
    """Run a tool in one or two processes; their exit codes."""
    context = multiprocessing.get_context('forkserver')
    context.set_forkserver_preload(['mmct'])
    with socket.socket() as free:
        free.bind(('127.0.0.1', 0))
        port = free.getsockname()[1]
    jobs = []
    for rank in range(processes):
        environ = {}
        tool, *options = map(str, argv)
        if processes > 1:
            environ = dict(RANK=rank, LOCAL_RANK=rank, WORLD_SIZE=processes,
                           MASTER_ADDR='127.0.0.1', MASTER_PORT=port)  # fmt: skip
            options += ['--launcher', 'pytorch']
        script = folder / f'start{rank}.py'
        script.write_text(
            SCRIPT.format(
                environ={k: str(v) for k, v in environ.items()},
                folder=str(folder),
                more=more,
                argv=[str(TOOLS / tool), *options],
            )
        )
        jobs.append(context.Process(target=runpy.run_path, args=(str(script),),
                                    kwargs=dict(run_name='__main__')))  # fmt: skip
    for job in jobs:
        job.start()
    for job in jobs:
        job.join(timeout=240)
        if job.exitcode is None:
            job.kill()
    return [job.exitcode for job in jobs]


def log(folder):
    return '\n'.join(p.read_text()[-2000:] for p in sorted(folder.glob('log*.txt')))


def make(folder, kind='ct', batch_size=8, workers=0, pipeline=''):
    folder.mkdir()
    text = CONFIG.format(
        base=mmct.config_path(f'{kind}_resnet18_digits'),
        batch_size=batch_size,
        workers=workers,
        pipeline=pipeline,
    )
    (folder / 'config.py').write_text(text + (WEAK if kind == 'ct' else ''))
    return folder


def losses(folder):
    """Of each step, the mean over processes."""
    files = [file.read_text().split() for file in sorted(folder.glob('loss*'))]
    return torch.tensor([[float(word) for word in words] for words in files]).mean(0)


def weights(file):
    checkpoint = load(file)
    return checkpoint.get('state_dict', checkpoint)


def test_two_processes_have_the_losses_of_one_at_twice_the_batch(tmp_path):
    one = make(tmp_path / 'one', 'nobn', 16, pipeline=PLAIN)
    two = make(tmp_path / 'two', 'nobn', 8, pipeline=PLAIN)
    train = ('train.py', 'config.py', '--work-dir', 'run')
    assert start(one, *train) == [0], log(one)
    assert start(two, *train, processes=2) == [0, 0], log(two)
    assert len(losses(one)) == 8
    torch.testing.assert_close(losses(two), losses(one), rtol=1e-5, atol=1e-6)
    left, right = (weights(f / 'run' / 'epoch_2.pth') for f in (one, two))
    for name in left:
        torch.testing.assert_close(left[name], right[name], rtol=1e-4, atol=1e-5)


def test_both_stages_and_the_evaluation_run_in_two_processes(tmp_path):
    whole = make(tmp_path / 'whole', workers=1)
    train = ('train.py', 'config.py', '--work-dir', 'run')
    assert start(whole, *train, processes=2) == [0, 0], log(whole)
    result = json.loads((whole / 'run' / 'ct_result.json').read_text())
    # Not 34, which two equal shares would make.
    assert result['num_images'] == 33
    assert log(whole).count('Counterbalancing Teacher') == 1
    test = ('test.py', 'config.py', 'run/epoch_2.pth', '--out-item', 'metrics', '--out')
    assert start(whole, *test, 'two.json', processes=2) == [0, 0], log(whole)
    assert start(whole, *test, 'one.json') == [0], log(whole)
    scores = [json.loads((whole / f).read_text()) for f in ('one.json', 'two.json')]
    assert scores[0] == scores[1]
    accuracy = result['student_accuracy_pct']
    assert scores[0]['accuracy/top1'] == pytest.approx(accuracy, abs=1e-4)

    torn = make(tmp_path / 'torn', workers=1)
    # All die, as by a power cut, when the student's second epoch has begun.
    die = (
        'calls = []\n'
        'loss = mmct.models.CTClassifier.loss\n'
        'def fatal(*args, **kwargs):\n'
        '    calls.append(1)\n'
        '    if len(calls) == 6:\n'
        '        os.kill(os.getpid(), signal.SIGKILL)\n'
        '    return loss(*args, **kwargs)\n'
        'mmct.models.CTClassifier.loss = fatal\n'
    )
    codes = start(torn, *train, processes=2, more=die)
    assert -signal.SIGKILL in codes, log(torn)
    assert 0 not in codes
    assert start(torn, *train, '--resume', processes=2) == [0, 0], log(torn)
    for file in ('epoch_2.pth', 'teacher/teacher.pth'):
        one, other = weights(whole / 'run' / file), weights(torn / 'run' / file)
        assert all(torch.equal(one[name], other[name]) for name in one), file


def test_a_rank_that_dies_ends_the_job_with_a_message(tmp_path):
    folder = make(tmp_path / 'job')
    # A config is code: this one's second process kills itself.
    with (folder / 'config.py').open('a') as file:
        file.write("custom_imports = dict(imports=['mmct', 'fatal'])\n")
    (folder / 'fatal.py').write_text(
        'import os, signal\n'
        'import mmct.models\n'
        'from mmpretrain.models import ImageClassifier\n'
        'def fatal(*args, **kwargs):\n'
        "    if os.environ['RANK'] == '1':\n"
        '        os.kill(os.getpid(), signal.SIGKILL)\n'
        '    return ImageClassifier.loss(*args, **kwargs)\n'
        'mmct.models.NormFreeClassifier.loss = fatal\n'
    )
    command = [sys.executable, '-m', 'torch.distributed.run', '--nproc-per-node', '2',
               '--standalone', str(TOOLS / 'train.py'), 'config.py',
               '--launcher', 'pytorch']  # fmt: skip
    path = f'{folder}:{TOOLS.parent}'
    job = subprocess.run(
        command, cwd=folder, env={**os.environ, 'PYTHONPATH': path},
        capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    assert job.returncode != 0
    assert 'Signal 9 (SIGKILL) received' in job.stderr
    assert 'rank      : 1' in job.stderr
