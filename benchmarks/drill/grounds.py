"""What the drills are held on: a finished run, a corruption set, results and a study, all tiny."""

import json
import shutil
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from processes import Ended, call

from mmct import config_path
from mmct.runs.weights import load, load_state_dict

# The run of the digits in small: both stages, augmentation in workers and in the main process,
# and a scorecard of both networks.
CONFIG = f"""
_base_ = [{config_path('ct_resnet18_digits')!r}]
model = dict(
    backbone=dict(stem_channels=4, base_channels=4), head=dict(in_channels=32),
    train_cfg=dict(augments=dict(type='Mixup', alpha=1.0)))
train_dataloader = dict(
    batch_size=16, num_workers=2, persistent_workers=True, dataset=dict(indices=72))
val_dataloader = dict(dataset=dict(indices=32))
test_dataloader = dict(dataset=dict(indices=40))
train_cfg = dict(max_epochs=3)
default_hooks = dict(checkpoint=dict(interval=1, max_keep_ckpts=3))
custom_hooks = [
    dict(type='NoBNTeacherHook', on_weak_teacher='warn', student_lr_mult=0.5),
    dict(type='ScorecardHook', corruptions=['fog', 'contrast'], severities=[1, 5])]
"""
# The same by iterations: checkpoints inside an epoch, and inside an accumulation of gradients.
BY_ITERATION = """
_base_ = ['./ct.py']
train_cfg = dict(_delete_=True, by_epoch=False, max_iters=14, val_interval=6)
param_scheduler = [dict(type='CosineAnnealingLR', T_max=14, by_epoch=False)]
default_hooks = dict(checkpoint=dict(by_epoch=False, interval=3, max_keep_ckpts=2))
optim_wrapper = dict(accumulative_counts=2)
"""
STUDY = f"""
common = dict(
    model=dict(backbone=dict(stem_channels=4, base_channels=4), head=dict(in_channels=32)),
    train_cfg=dict(max_epochs=1),
    train_dataloader=dict(batch_size=16, dataset=dict(indices=64)),
    val_dataloader=dict(dataset=dict(indices=32)),
    test_dataloader=dict(dataset=dict(indices=40)),
)
arms = dict(
    BN=dict(config={config_path('bn_resnet18_digits')!r}, group='net', variant='BN'),
    none=dict(config={config_path('nobn_resnet18_digits')!r}, group='net', baseline='BN'))
scores = dict(corruption=dict(type='CorruptionScore', corruptions=['fog'], severities=[5]))
table = dict(error='corruption.clean_error_pct')
figures = dict(errors=dict(type='ErrorArrows'))
"""
SCORED = ('--corruptions', 'arrays', '--data-root', 'set', '--only', 'fog', 'contrast')


def must(ended: Ended) -> Ended:
    """Stop where what has to work does not."""
    if ended.code != 0:
        raise RuntimeError(ended.err[-3000:] or ended.out[-3000:])
    return ended


def write_configs(folder: Path) -> None:
    """Write the two training configs."""
    folder.mkdir(parents=True)
    (folder / 'ct.py').write_text(CONFIG)
    (folder / 'ct_by_iteration.py').write_text(BY_ITERATION)


def make(folder: Path) -> Path:
    """Make a folder with all that the tools read; it takes half a minute.

    Args:
        folder (Path): Is made: the config ``ct.py`` and its finished run ``run``; ``stopped``, the
            same without its last epoch; the set ``set``; results ``one.json`` and ``two.json``;
            the study ``study.py`` with its results in ``out``; and what is none of these.

    Returns:
        Path: The folder.
    """
    write_configs(folder)
    (folder / 'study.py').write_text(STUDY)
    must(call(folder, 'train', 'ct.py', '--work-dir', 'run'))
    shutil.copytree(folder / 'run', folder / 'stopped')
    stop(folder / 'stopped')
    torch.save(load_state_dict(folder / 'run' / 'epoch_3.pth'), folder / 'weights.pth')
    names = ('--corruptions', 'fog', 'contrast', '--severities', '1', '5', '--jobs', '1')
    must(call(folder, 'make_corruptions', 'ct.py', 'set', *names))
    for name, epoch in (('one', 2), ('two', 3)):
        out = ('--out', f'{name}.json', '--name', name, '--work-dir', 'tested')
        must(call(folder, 'test', 'ct.py', f'run/epoch_{epoch}.pth', *SCORED, *out))
    must(call(folder, 'study', 'study.py', '--work-dir', 'out'))
    shutil.rmtree(folder / 'out' / 'runs')
    pixels = np.arange(40 * 40 * 3, dtype=np.uint8).reshape(40, 40, 3)
    Image.fromarray(pixels).save(folder / 'image.png')
    write_nonsense(folder)
    return folder


def stop(run: Path) -> None:
    """Take the last epoch from a finished run."""
    (run / 'epoch_3.pth').unlink()
    shutil.rmtree(run / 'scorecard')
    (run / 'last_checkpoint').write_text('epoch_2.pth')


def write_nonsense(folder: Path) -> None:
    """Write what a user may take for something else."""
    (folder / 'notes.txt').write_text('nothing of use\n')
    (folder / 'text.pth').write_text('not a checkpoint\n')
    (folder / 'text.json').write_text('{"no": "result"')
    (folder / 'other.json').write_text(json.dumps(dict(no='result')))
    (folder / 'empty.json').write_text('')
    (folder / 'empty.pth').write_text('')
    (folder / 'syntax.py').write_text('model = (')
    (folder / 'undefined.py').write_text('model = nothing')
    (folder / 'raises.py').write_text('model = 1 / 0')
    (folder / 'no_base.py').write_text("_base_ = './none.py'")
    (folder / 'no_model.py').write_text('a = 1')
    (folder / 'no_text.py').write_bytes(b'model = "\xff\xfe\x00"')
    (folder / 'folder.py').mkdir()
    (folder / 'folder.png').mkdir()
    (folder / 'nothing_in_it').mkdir()
    for name in ('cat', 'dog'):
        (folder / 'no_images' / name).mkdir(parents=True)
    images = "dict(_delete_=True, type='CustomDataset', data_root={!r}, pipeline=[])"
    for name, root in (('no_data', 'nowhere'), ('no_images', 'no_images')):
        parts = [f'{p}_dataloader = dict(dataset={images.format(root)})' for p in ('train', 'test')]
        (folder / f'{name}.py').write_text('\n'.join(["_base_ = ['./ct.py']", *parts]))


def final(run: Path) -> dict:
    """Collect what a finished run leaves: all tensors, and both scorecards."""
    student = load(run / Path((run / 'last_checkpoint').read_text()).name)
    found = {f'student.{k}': v for k, v in student['state_dict'].items()}
    teacher = run / 'teacher' / 'teacher.pth'
    if teacher.exists():  # and did not come from elsewhere
        found |= {f'teacher.{k}': v for k, v in load(teacher).items()}
    for key, state in student['optimizer']['state'].items():
        found |= {f'optimizer.{key}.{name}': value for name, value in state.items()}
    for file in ('teacher.json', 'student.json'):
        found[file] = json.loads((run / 'scorecard' / file).read_text())
    return found


def differences(one: dict, other: dict) -> list[str]:
    """List what two finished runs have that is not the same in both, bit by bit."""
    return [
        name
        for name in sorted(one.keys() | other.keys())
        if not _same(one.get(name), other.get(name))
    ]


def _same(one: object, other: object) -> bool:
    if isinstance(one, torch.Tensor) and isinstance(other, torch.Tensor):
        return torch.equal(one, other)
    return type(one) is type(other) and one == other
