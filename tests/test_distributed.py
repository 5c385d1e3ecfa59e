"""Two processes on the CPU train and score as one does."""

import json
import os
import signal
import subprocess
import sys

import pytest
import torch
from small_network import MODEL
from tool_runs import ROOT, TEST, TRAIN, in_processes, log_of

import mmct
from mmct.runs.weights import load, load_state_dict

# No augmentation: both see the same images, in batches of the same content.
CONFIG = """
_base_ = [{base!r}]
model = {network}
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
# Statistics of BN are of one process's images: frozen, they are those of none.
DOMAINS = """
_base_ = [{base!r}]
model = {network}
model['backbone'].update(norm_eval=True)
part = dict(data_root={pictures!r}, holdout=0.5, seed=3)
train_dataloader = dict(batch_size={batch_size}, num_workers=0,
    dataset=dict(**part, pipeline=_base_.test_pipeline))
val_dataloader = test_dataloader = dict(num_workers=0, dataset=part)
train_cfg = dict(max_iters=5)
randomness = dict(seed=0)
optim_wrapper = dict(optimizer=dict(_delete_=True, type='SGD', lr=0.01))
"""
# Each process writes down its losses, and the domains of its images.
NOTED = """
loss = {classifier}.loss
def noted(*args, **kwargs):
    losses = loss(*args, **kwargs)
    with open('loss' + os.environ.get('RANK', ''), 'a') as file:
        file.write(f"{{losses['loss'].item()}}\\n")
    samples = kwargs.get('data_samples') or args[2]
    with open('domains' + os.environ.get('RANK', ''), 'a') as file:
        file.write(f"{{sorted(sample.get('domain', -1) for sample in samples)}}\\n")
    return losses

{classifier}.loss = noted
"""
NO_BN = NOTED.format(classifier='mmct.models.NormFreeClassifier')
STOCK = NOTED.format(classifier='ImageClassifier')
RUN = ('config.py', '--work-dir', 'run')


def make(folder, kind='ct', batch_size=8, workers=0, pipeline=''):
    folder.mkdir()
    text = CONFIG.format(
        base=mmct.config_path(f'{kind}_resnet18_digits'),
        network=MODEL,
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


def test_two_processes_have_the_losses_of_one_at_twice_the_batch(tmp_path):
    one = make(tmp_path / 'one', 'nobn', 16, pipeline=PLAIN)
    two = make(tmp_path / 'two', 'nobn', 8, pipeline=PLAIN)
    assert in_processes(one, TRAIN, *RUN, before=NO_BN) == [0], log_of(one)
    codes = in_processes(two, TRAIN, *RUN, before=NO_BN, processes=2)
    assert codes == [0, 0], log_of(two)
    assert len(losses(one)) == 8
    torch.testing.assert_close(losses(two), losses(one), rtol=1e-5, atol=1e-6)
    left, right = (load_state_dict(f / 'run' / 'epoch_2.pth') for f in (one, two))
    for name in left:
        torch.testing.assert_close(left[name], right[name], rtol=1e-4, atol=1e-5)


def test_each_of_two_processes_has_as_many_images_of_each_domain(tmp_path, pictures):
    folders = tmp_path / 'one', tmp_path / 'two'
    for processes, folder in enumerate(folders, 1):
        folder.mkdir()
        base = mmct.config_path('erm_resnet18w16_pacs64')
        text = DOMAINS.format(
            base=base, network=MODEL, pictures=str(pictures), batch_size=12 // processes
        )
        (folder / 'config.py').write_text(text)
        codes = in_processes(folder, TRAIN, *RUN, before=STOCK, processes=processes)
        assert codes == [0] * processes, log_of(folder)
    one, two = folders
    torch.testing.assert_close(losses(two), losses(one), rtol=1e-5, atol=1e-6)
    # The test domain is the last, sketch.
    assert (one / 'domains').read_text().split('\n')[:-1] == [str(sorted([0, 1, 2] * 4))] * 5
    for rank in (0, 1):
        noted = (two / f'domains{rank}').read_text().split('\n')[:-1]
        assert noted == [str(sorted([0, 1, 2] * 2))] * 5


def test_both_stages_and_the_evaluation_run_in_two_processes(tmp_path):
    whole = make(tmp_path / 'whole', workers=1)
    assert in_processes(whole, TRAIN, *RUN, processes=2) == [0, 0], log_of(whole)
    result = json.loads((whole / 'run' / 'ct_result.json').read_text())
    # Not 34, which two equal shares would make.
    assert result['num_images'] == 33
    for once in ('they agree on', 'Stage 2 of 2', 'data    Digits'):
        assert log_of(whole).count(once) == 1
    test = (TEST, 'config.py', 'run/epoch_2.pth', '--out-item', 'metrics', '--out')
    assert in_processes(whole, *test, 'two.json', processes=2) == [0, 0], log_of(whole)
    assert in_processes(whole, *test, 'one.json') == [0], log_of(whole)
    scores = [json.loads((whole / f).read_text()) for f in ('one.json', 'two.json')]
    assert scores[0] == scores[1]
    accuracy = result['student_accuracy_pct']
    assert scores[0]['accuracy/top1'] == pytest.approx(accuracy, abs=1e-4)

    torn = make(tmp_path / 'torn', workers=1)
    # All die, as by a power cut, when the student's second epoch has begun.
    kill = 'mmct.models.CTClassifier.loss = nth(6, mmct.models.CTClassifier.loss)'
    codes = in_processes(torn, TRAIN, *RUN, before=kill, processes=2)
    assert -signal.SIGKILL in codes, log_of(torn)
    assert 0 not in codes
    codes = in_processes(torn, TRAIN, *RUN, '--resume', processes=2)
    assert codes == [0, 0], log_of(torn)
    for file in ('epoch_2.pth', 'teacher/teacher.pth'):
        one, other = (load_state_dict(f / 'run' / file) for f in (whole, torn))
        assert all(torch.equal(one[name], other[name]) for name in one), file
    states = load(torn / 'run' / 'epoch_2.pth')['mmct']['states']
    assert len(states) == 2


@pytest.mark.slow
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
               '--standalone', str(TRAIN), 'config.py',
               '--launcher', 'pytorch']  # fmt: skip
    path = f'{folder}:{ROOT}'
    job = subprocess.run(
        command, cwd=folder, env={**os.environ, 'PYTHONPATH': path},
        capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    assert job.returncode != 0
    assert 'Signal 9 (SIGKILL) received' in job.stderr
    assert 'rank      : 1' in job.stderr
