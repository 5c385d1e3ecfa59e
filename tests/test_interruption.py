"""A run that was killed and resumed ends as one that was not."""

import json
import signal
from pathlib import Path

import pytest
import torch
from small_network import MODEL
from tool_runs import TRAIN, in_processes, log_of

import mmct
from mmct.runs.weights import load

# Shrunk digits; batches are augmented in the workers (crops) and in the main
# process (Mixup).
BASE = """
_base_ = [{base!r}]
model = dict(**{network},
    train_cfg=dict(augments=dict(type='Mixup', alpha=1.0)))
train_dataloader = dict(batch_size=16, num_workers={workers},
    persistent_workers={workers} > 0, dataset=dict(indices=72))
val_dataloader = dict(dataset=dict(indices=32))
randomness = dict(seed=None)
custom_hooks = [
    dict(type='NoBNTeacherHook', on_weak_teacher='warn', student_lr_mult=0.5), {hooks}]
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
# As many images of each of three domains a step; colours change in the workers.
BY_DOMAIN = """
_base_ = [{base!r}]
model = {network}
part = dict(data_root={pictures!r}, holdout=0.5, seed=3)
train_dataloader = dict(batch_size=12, num_workers={workers}, dataset=part)
val_dataloader = test_dataloader = dict(num_workers=0, dataset=part)
custom_hooks = [
    dict(type='NoBNTeacherHook', on_weak_teacher='warn', student_lr_mult=0.5), {hooks}]
"""
CASES = dict(
    epochs=(BASE + BY_EPOCH, 2, ''),
    epochs_ema=(BASE + BY_EPOCH, 0, "dict(type='EMAHook')"),
    iterations=(BASE + BY_ITER, 2, ''),
    iterations_no_workers=(BASE + BY_ITER, 0, ''),
    iterations_domains=(BY_DOMAIN + BY_ITER, 1, ''),
)
# Where a run kills itself, as `kill -9` would.
TEACHER = 'mmct.models.NormFreeClassifier.loss = nth({}, ImageClassifier.loss)'
STUDENT = 'mmct.models.CTClassifier.loss = nth({}, mmct.models.CTClassifier.loss)'
BETWEEN = 'mmct.models.CTClassifier.attach_teacher = die'
WRITING = '''
replace = os.replace
os.replace = lambda old, new: die() if str(new).endswith({!r}) else replace(old, new)
'''


def start(folder, *options, kill=''):
    """Run tools/train.py in a process of its own; its exit code."""
    options = ('config.py', '--work-dir', 'run', *options)
    return in_processes(folder, TRAIN, *options, before=kill)[0]


def make(folder, case, pictures, seed=None):
    text, workers, hooks = CASES[case]
    base = mmct.config_path('ct_resnet18w16_pacs64' if 'domains' in case else 'ct_resnet18_digits')
    (folder / 'run').mkdir(parents=True)
    settings = dict(network=MODEL, workers=workers, hooks=hooks, pictures=str(pictures))
    (folder / 'config.py').write_text(text.format(base=base, **settings))
    if seed is not None:
        (folder / 'run' / 'seed.json').write_text(seed)
    return folder


def last(run):
    """The last checkpoint of a run."""
    return load(run / Path((run / 'last_checkpoint').read_text()).name)


def final(folder):
    """All tensors that a finished run leaves."""
    run = folder / 'run'
    student = last(run)
    tensors = dict(load(run / 'teacher' / 'teacher.pth'))
    tensors |= {f'student.{k}': v for k, v in student['state_dict'].items()}
    tensors |= {f'other.{k}': v for k, v in student.get('ema_state_dict', {}).items()}
    for key, state in student['optimizer']['state'].items():
        tensors |= {f'optimizer.{key}.{name}': value for name, value in state.items()}
    return tensors


FIRST = 'epochs', 'iterations'
LATER = [pytest.param(case, marks=pytest.mark.slow) for case in CASES if case not in FIRST]


@pytest.mark.parametrize('case', [*FIRST, *LATER])
def test_killed_anywhere_and_resumed_it_ends_with_the_same_weights(tmp_path, case, pictures):
    whole = make(tmp_path / 'whole', case, pictures)
    assert start(whole) == 0, log_of(whole)
    seed = (whole / 'run' / 'seed.json').read_text()
    torn = make(tmp_path / 'torn', case, pictures, seed)
    checkpoint = 'iter_12.pth' if case.startswith('iter') else 'epoch_2.pth'
    # Fifteen (or fourteen) steps a stage, five an epoch. By iterations it goes
    # on from the ninth: in the second epoch, within an accumulation.
    kills = [TEACHER.format(8), STUDENT.format(8 if case.startswith('epoch') else 11)]
    if case == 'iterations':
        kills[1:1] = [WRITING.format('teacher/' + checkpoint), BETWEEN, STUDENT.format(3)]
        kills += [WRITING.format('run/' + checkpoint), WRITING.format('last_checkpoint')]
    for kill in kills:
        code = start(torn, '--resume', kill=kill)
        assert code == -signal.SIGKILL, (kill, log_of(torn))
    assert start(torn, '--resume') == 0, log_of(torn)
    one, other = final(whole), final(torn)
    assert one.keys() == other.keys()
    differing = [name for name in one if not torch.equal(one[name], other[name])]
    assert not differing
    results = [json.loads((f / 'run' / 'ct_result.json').read_text()) for f in (whole, torn)]
    for result in results:
        del result['teacher_seconds']
    # The time of all steps, each once, also of those before the interruptions.
    seconds = [result.pop('student_seconds') for result in results]
    assert results[0] == results[1]
    saved = last(torn / 'run')
    times = saved['message_hub']['log_scalars']['train/time'].data[0]
    assert len(times) == saved['meta']['iter'] and seconds[1] == pytest.approx(times.sum())
    # One checkpoint a stage is kept, and nothing half-written.
    left = {p.name for p in (torn / 'run').rglob('*') if p.suffix in ('.pth', '.tmp')}
    kept = 'iter_14.pth' if case.startswith('iter') else 'epoch_3.pth'
    assert left == {'teacher.pth', kept}
