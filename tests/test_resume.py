"""Going on with a run, or saying why not."""

import json
import os
import pickle
import re
import shutil
from pathlib import Path

import mmpretrain
import pytest
import torch
from filelock import FileLock
from safetensors.torch import save_file
from tool_runs import (
    CT,
    SMALL,
    TEST,
    TRAIN,
    Bomb,
    contents,
    in_processes,
    log_of,
    result_of,
    run,
    same_weights,
    succeed,
)

from mmct.runs.weights import load, load_state_dict

STOCK = Path(mmpretrain.__file__).parent / '.mim' / 'tools' / 'train.py'
OPTIONS = ('--work-dir', 'run', '--allow-weak-teacher', '--cfg-options', *SMALL)


@pytest.fixture(scope='module')
def first(tmp_path_factory):
    """A folder with a finished run of two epochs a stage."""
    folder = tmp_path_factory.mktemp('first')
    # The teacher's first checkpoint, which goes when its second is there.
    keep = '''
replace = os.replace
def kept(old, new):
    replace(old, new)
    if str(new).endswith('teacher/epoch_1.pth'):
        import shutil
        os.mkdir('kept')
        shutil.copy(new, 'kept')
os.replace = kept
'''
    assert in_processes(folder, TRAIN, CT, *OPTIONS, before=keep) == [0], log_of(folder)
    return folder


@pytest.fixture
def stopped(first, tmp_path):
    """A copy of which the student's second epoch is lost."""
    shutil.copytree(first / 'run', tmp_path / 'run')
    shutil.copytree(first / 'kept', tmp_path / 'kept')
    (tmp_path / 'run' / 'epoch_2.pth').unlink()
    (tmp_path / 'run' / 'ct_result.json').unlink()
    set_last(tmp_path, 'epoch_1.pth')
    return tmp_path


def set_last(folder, name):
    (folder / 'run' / 'last_checkpoint').write_text(str(folder / 'run' / name))


def change(folder, **changes):
    """Change entries of the checkpoint to resume."""
    file = folder / 'run' / 'epoch_1.pth'
    checkpoint = load(file)
    for key, value in changes.items():
        checkpoint[key] = {**checkpoint[key], **value}
    torch.save(checkpoint, file)


def truncate(folder):
    file = folder / 'run' / 'epoch_1.pth'
    shutil.copy(file, folder / 'run' / 'epoch_0.pth')
    os.truncate(file, file.stat().st_size // 2)


def empty(folder):
    (folder / 'run' / 'epoch_1.pth').write_bytes(b'')


def foreign(folder):
    file = folder / 'run' / 'epoch_1.pth'
    torch.save(load_state_dict(file), file)


def other_network(folder):
    weights = load_state_dict(folder / 'run' / 'epoch_1.pth')
    name = 'backbone.layer1.0.conv1.weight'
    change(folder, state_dict={name: weights[name][:1]})


def bomb(folder):
    file = folder / 'run' / 'epoch_1.pth'
    checkpoint = {**load(file), 'bomb': Bomb(folder / 'marker')}
    torch.save(checkpoint, file)


def plain_bomb(folder):
    (folder / 'run' / 'epoch_1.pth').write_bytes(
        pickle.dumps(Bomb(folder / 'marker'), protocol=2)
    )


def code(folder):
    change(folder, meta=dict(config=f'import os; os.mkdir({str(folder / "marker")!r})'))


def lost(folder):
    set_last(folder, 'epoch_9.pth')


def another_teacher(folder):
    file = folder / 'run' / 'teacher' / 'teacher.pth'
    weights = load_state_dict(file)
    weights['head.fc.bias'] += 1
    torch.save(weights, file)


def damaged_teacher(folder):
    file = folder / 'run' / 'teacher' / 'teacher.pth'
    os.truncate(file, file.stat().st_size // 2)


def unfinished_teacher(folder):
    """As if the run had been killed in the teacher's second epoch."""
    teacher = folder / 'run' / 'teacher'
    record = json.loads((teacher / 'teacher.json').read_text())
    (teacher / 'teacher.json').write_text(json.dumps({**record, 'finished': False}))
    (teacher / 'teacher.pth').unlink()
    (teacher / 'epoch_2.pth').unlink()
    shutil.copy(folder / 'kept' / 'epoch_1.pth', teacher)
    (teacher / 'last_checkpoint').write_text(str(teacher / 'epoch_1.pth'))
    for name in ('last_checkpoint', 'epoch_1.pth'):
        (folder / 'run' / name).unlink()


def truncated_teacher(folder):
    unfinished_teacher(folder)
    file = folder / 'run' / 'teacher' / 'epoch_1.pth'
    os.truncate(file, file.stat().st_size // 2)


def lost_checkpoint_of_the_teacher(folder):
    unfinished_teacher(folder)
    (folder / 'run' / 'teacher' / 'epoch_1.pth').unlink()


def damaged_seed(folder):
    (folder / 'run' / 'seed.json').write_text('{"seed"')


def as_it_is(folder):
    """The run is sound: it is the start that does not fit."""


# What happened to the run, options of the start, what the message has to name.
REFUSED = {
    'truncated': (truncate, [], ['epoch_1.pth is damaged', 'has epoch_0.pth', '--resume FILE']),
    'empty': (empty, [], ['epoch_1.pth is damaged']),
    'foreign': (foreign, [], ['not from a training run', 'load_from=FILE']),
    'other network': (other_network, [], ['does not fit', 'layer1.0.conv1.weight']),
    'pickle bomb': (bomb, [], ['epoch_1.pth is damaged or holds more than weights']),
    'bare pickle bomb': (plain_bomb, [], ['epoch_1.pth is damaged or holds more']),
    'code': (code, [], ['meta.config']),
    'lost': (lost, [], ['epoch_9.pth does not exist', 'has epoch_1.pth']),
    'another teacher': (another_teacher, [], ['learned from another teacher']),
    'damaged teacher': (damaged_teacher, [], ['teacher.pth is damaged']),
    'truncated checkpoint of the teacher': (
        truncated_teacher, [], ['teacher/epoch_1.pth is damaged', 'to begin the teacher anew'],
    ),
    'lost checkpoint of the teacher': (
        lost_checkpoint_of_the_teacher, [],
        ['teacher/epoch_1.pth does not exist; to begin the teacher anew'],
    ),
    'damaged seed': (damaged_seed, ['randomness.seed=None'], ['seed.json is damaged']),
    'other learning rate': (
        as_it_is, ['optim_wrapper.optimizer.lr=0.2'],
        ['optim_wrapper.optimizer.lr: 0.1 -> 0.2', '--allow-other-config'],
    ),
    'other loss': (
        as_it_is, ['model.consistency.loss_weight=2'],
        ['model.consistency.loss_weight: 10.0 -> 2'],
    ),
    'other data': (
        as_it_is, ['train_dataloader.dataset.indices=32'], ['data.num_images: 64 -> 32'],
    ),
    'no folder to write to': (as_it_is, ['work_dir=/dev/null/run'], ['/dev/null/run']),
}  # fmt: skip


@pytest.mark.parametrize('case', REFUSED)
def test_a_run_that_cannot_go_on_says_why_and_loses_nothing(case, stopped):
    prepare, options, named = REFUSED[case]
    prepare(stopped)
    before = contents(stopped)
    work_dir = [] if any('work_dir' in option for option in options) else OPTIONS[:2]
    result = run(TRAIN, CT, *work_dir, *OPTIONS[2:], *options, '--resume', cwd=stopped)
    assert result.code == 2, result.err
    assert len(result.err.splitlines()) == 1, result.err
    for text in named:
        assert text in result.err
    assert contents(stopped) == before
    assert not (stopped / 'marker').exists()


def test_it_goes_on_with_another_config_if_told_to(stopped):
    result = succeed(TRAIN, CT, '--resume', '--allow-other-config', *OPTIONS,
                     'default_hooks.logger.interval=1',
                     'model.consistency.loss_weight=2', cwd=stopped)  # fmt: skip
    assert 'loss_weight: 10.0 -> 2' in result.out
    assert 'continues at epoch 2 of 2' in result.out
    assert (stopped / 'run' / 'epoch_2.pth').is_file()


def test_only_one_run_writes_to_a_folder(stopped):
    with FileLock(stopped / 'run' / '.lock'):
        before = contents(stopped)
        result = run(TRAIN, CT, '--resume', *OPTIONS, cwd=stopped)
        assert result.code == 2
        assert 'another run is writing to run' in result.err
        assert contents(stopped) == before
    succeed(TRAIN, CT, '--resume', *OPTIONS, cwd=stopped)


@pytest.mark.parametrize('prepare', [as_it_is, unfinished_teacher])
def test_a_moved_folder_goes_on(prepare, first, stopped):
    prepare(stopped)
    (stopped / 'run').rename(stopped / 'moved')
    options = [option.replace('run', 'moved') for option in OPTIONS[:2]]
    succeed(TRAIN, CT, '--resume', *options, *OPTIONS[2:], cwd=stopped)
    assert same_weights(stopped / 'moved' / 'epoch_2.pth', first / 'run' / 'epoch_2.pth')


def test_an_unset_seed_is_drawn_once_a_folder(tmp_path):
    options = (*OPTIONS, 'randomness.seed=None', 'train_cfg.max_epochs=1')
    seeds = []
    for folder in ('one', 'two'):
        (tmp_path / folder).mkdir()
        succeed(TRAIN, CT, *options, cwd=tmp_path / folder)
        seeds.append(json.loads((tmp_path / folder / 'run' / 'seed.json').read_text()))
    assert seeds[0] != seeds[1]
    again = succeed(TRAIN, CT, *options, cwd=tmp_path / 'one')
    assert 'Stage 1 of 2: done' in again.out
    assert json.loads((tmp_path / 'one' / 'run' / 'seed.json').read_text()) == seeds[0]
    # A run that goes on in another folder keeps the seed that it began with.
    elsewhere = ('--resume', 'run/epoch_1.pth', '--work-dir', 'new', *options[2:])
    succeed(TRAIN, CT, *elsewhere, 'train_cfg.max_epochs=1', cwd=tmp_path / 'one')
    assert json.loads((tmp_path / 'one' / 'new' / 'seed.json').read_text()) == seeds[0]


def test_a_full_disk_costs_one_checkpoint(first, stopped):
    size = (stopped / 'run' / 'epoch_1.pth').stat().st_size
    # No file may grow beyond half a checkpoint: the system refuses to write.
    limit = f'import resource; resource.setrlimit(resource.RLIMIT_FSIZE, ({size // 2},) * 2)'
    one = 'default_hooks.checkpoint.max_keep_ckpts=1'
    before = (stopped / 'run' / 'epoch_1.pth').read_bytes()
    codes = in_processes(stopped, TRAIN, CT, '--resume', *OPTIONS, one, before=limit)
    assert codes == [2], log_of(stopped)
    last = log_of(stopped).splitlines()[-1]
    assert last.startswith('train.py: error: ')
    assert 'epoch_2.pth was not written (File too large)' in last
    assert (stopped / 'run' / 'epoch_1.pth').read_bytes() == before
    assert not list((stopped / 'run').glob('*.tmp'))
    succeed(TRAIN, CT, '--resume', *OPTIONS, one, cwd=stopped)
    assert same_weights(stopped / 'run' / 'epoch_2.pth', first / 'run' / 'epoch_2.pth')
    # Now that the next is complete, the old one is gone.
    assert not (stopped / 'run' / 'epoch_1.pth').exists()


def test_a_new_run_does_not_go_on_with_an_old_one(stopped):
    kill = 'mmct.models.CTClassifier.loss = nth(2, mmct.models.CTClassifier.loss)'
    assert in_processes(stopped, TRAIN, CT, *OPTIONS, before=kill) == [-9]
    assert not (stopped / 'run' / 'last_checkpoint').exists()


def test_the_stock_tool_goes_on_alike(first, stopped):
    config = stopped / 'run' / Path(CT).name
    codes = in_processes(stopped, STOCK, config, '--resume', '--work-dir', 'run')
    assert codes == [0], log_of(stopped)
    assert 'resumed epoch: 1' in log_of(stopped)
    assert same_weights(stopped / 'run' / 'epoch_2.pth', first / 'run' / 'epoch_2.pth')


@pytest.mark.parametrize('kind', ['CheckpointHook', 'ResumableCheckpointHook'])
@pytest.mark.parametrize('prepare', [bomb, plain_bomb, code])
def test_the_stock_tool_executes_nothing(prepare, kind, stopped):
    config = stopped / 'run' / Path(CT).name
    prepare(stopped)
    with pytest.raises((pickle.UnpicklingError, RuntimeError)):
        run(STOCK, config, '--resume', '--work-dir', 'run',
            '--cfg-options', f'default_hooks.checkpoint.type={kind}', cwd=stopped)  # fmt: skip
    assert not (stopped / 'marker').exists()


def test_a_teacher_in_safetensors(first, tmp_path):
    save_file(load_state_dict(first / 'run' / 'teacher' / 'teacher.pth'),
              tmp_path / 'teacher.safetensors')  # fmt: skip
    succeed(TRAIN, CT, '--teacher', 'teacher.safetensors', *OPTIONS, cwd=tmp_path)
    one, other = result_of(tmp_path / 'run'), result_of(first / 'run')
    assert one['teacher_accuracy_pct'] == other['teacher_accuracy_pct']
    assert same_weights(tmp_path / 'run' / 'epoch_2.pth', first / 'run' / 'epoch_2.pth')


@pytest.mark.parametrize(
    'argv',
    [
        (TEST, CT, 'bomb.pth'),
        (TRAIN, CT, *OPTIONS, 'load_from=bomb.pth'),
        (TRAIN, CT, *OPTIONS, 'model.backbone.init_cfg.type=Pretrained',
         'model.backbone.init_cfg.checkpoint=bomb.pth'),
    ],
    ids=['test', 'load_from', 'init_cfg'],
)  # fmt: skip
def test_a_bomb_for_a_checkpoint(argv, tmp_path):
    torch.save(dict(state_dict={}, bomb=Bomb(tmp_path / 'marker')), tmp_path / 'bomb.pth')
    result = run(*argv, cwd=tmp_path)
    assert result.code == 2
    assert len(result.err.splitlines()) == 1, result.err
    assert re.search('holds more than weights, (so )?it was not loaded', result.err)
    assert 'mkdir' in result.err
    assert not (tmp_path / 'marker').exists()


@pytest.mark.parametrize('name', ['teacher.pth', 'teacher.safetensors'])
def test_a_bomb_for_a_teacher(name, tmp_path):
    bare = pickle.dumps(Bomb(tmp_path / 'marker'), protocol=2)
    (tmp_path / name).write_bytes(bare)
    result = run(TRAIN, CT, '--teacher', name, *OPTIONS, cwd=tmp_path)
    assert result.code == 2
    assert f'{name} is damaged or holds more than weights' in result.err
    assert not (tmp_path / 'marker').exists()


def test_an_empty_last_checkpoint_does_not_start_anew(stopped):
    (stopped / 'run' / 'last_checkpoint').write_text('')
    before = contents(stopped)
    result = run(TRAIN, CT, '--resume', *OPTIONS, cwd=stopped)
    assert result.code == 2
    assert 'last_checkpoint is empty: remove it to start over; run has epoch_1.pth' in result.err
    assert contents(stopped) == before


def test_a_run_that_goes_on_in_another_folder_leaves_its_own_alone(first, tmp_path):
    best = ('default_hooks.checkpoint.save_best=accuracy/top1', 'train_cfg.max_epochs=2')
    shutil.copytree(first / 'run' / 'teacher', tmp_path / 'run' / 'teacher')
    succeed(TRAIN, CT, *OPTIONS, *best, cwd=tmp_path)
    # As if the second epoch were better than any before, and its run had been killed.
    (name,) = (path.name for path in (tmp_path / 'run').glob('best_*.pth'))
    checkpoint = load(tmp_path / 'run' / 'epoch_1.pth')
    checkpoint['message_hub']['runtime_info']['best_score'] = -1.0
    checkpoint['message_hub']['runtime_info']['best_ckpt'] = str(tmp_path / 'run' / name)
    torch.save(checkpoint, tmp_path / 'run' / 'epoch_1.pth')
    before = contents(tmp_path / 'run')
    # The teacher is found beside the checkpoint.
    argv = ('--resume', 'run/epoch_1.pth', '--work-dir', 'other', *OPTIONS[2:], *best)
    succeed(TRAIN, CT, *argv, cwd=tmp_path)
    assert contents(tmp_path / 'run') == before
    assert not (tmp_path / 'other' / 'teacher').exists()
    assert list((tmp_path / 'other').glob('best_*.pth'))
    assert same_weights(tmp_path / 'other' / 'epoch_2.pth', first / 'run' / 'epoch_2.pth')
    # So does a copy, whose files name the folder that it is a copy of.
    shutil.copytree(tmp_path / 'run', tmp_path / 'copy')
    (tmp_path / 'copy' / 'last_checkpoint').write_text(str(tmp_path / 'run' / 'epoch_1.pth'))
    succeed(TRAIN, CT, '--resume', '--work-dir', 'copy', *OPTIONS[2:], *best, cwd=tmp_path)
    assert contents(tmp_path / 'run') == before


RATES = ('optim_wrapper.optimizer.lr=0.5', 'custom_hooks.0.student_lr_mult=0.5')


@pytest.mark.parametrize('rate', RATES)
def test_a_longer_run_keeps_its_teacher_and_says_what_stays(first, stopped, rate):
    options = (*OPTIONS, 'train_cfg.max_epochs=3', rate)
    result = succeed(TRAIN, CT, '--resume', '--allow-other-config', *options, cwd=stopped)
    assert '\nepoch 3 of 3 ' in result.out
    assert 'run/teacher was trained with other settings (' in result.out
    assert 'learning rate, momentum and, in epochs of the same length, schedules are' in result.out
    assert 'at 0.5 of the learning rate' not in result.out
    teacher = 'run/teacher/teacher.pth'
    assert (stopped / teacher).read_bytes() == (first / teacher).read_bytes()
