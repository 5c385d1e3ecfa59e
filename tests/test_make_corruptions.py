"""tools/make_corruptions.py, as a user starts it."""

import hashlib
import json
import os
import shutil
import signal
import time

import numpy as np
import pytest
from filelock import FileLock
from PIL import Image
from tool_runs import (
    MAKE,
    end,
    fork,
    in_processes,
    log_of,
    run,
    shared_server,
    succeed,
    wait_until,
)

from mmct.corruption_sets.layouts import ArrayLayout
from mmct.corruption_sets.manifest import WORK
from mmct.corruptions import C_BAR_SETS, CORRUPTIONS, OwnCorruption, corrupt, identities
from mmct.datasets import ArrayCorruptionSet, CIFAR10CBar, ImageNetCBar
from mmct.runs.errors import CTError

CONFIG = """
test_dataloader = dict(dataset=dict(
    type='CustomDataset', data_root='data', pipeline=[dict(type='LoadImageFromFile'), {more}]))
default_scope = 'mmpretrain'
"""
CLASSES = ('ant', 'bee', 'cat')
FEW = ('--corruptions', 'fog', 'contrast', '--severities', '1', '5')


def make_data(folder, count=12, size=(16, 16), suffix='png', more=''):
    rng = np.random.default_rng(0)
    for i in range(count):
        file = folder / 'data' / CLASSES[i % 3] / f'{i}.{suffix}'
        file.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(rng.integers(0, 256, (*size, 3), np.uint8)).save(file)
    (folder / 'config.py').write_text(CONFIG.format(more=more))
    return folder


def files(folder):
    found = [path for path in folder.rglob('*') if path.is_file()]
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in found}


def pixels(folder, suffix='png'):
    """The images as the data set orders them: by class, then by name."""
    paths = [f for c in CLASSES for f in sorted((folder / 'data' / c).glob(f'*.{suffix}'))]
    return paths, np.stack([np.asarray(Image.open(path)) for path in paths])


def make(folder, *options, out='set'):
    return run(MAKE, 'config.py', out, '--jobs', '1', *options, cwd=folder)


def manifest(folder, out='set'):
    return json.loads((folder / out / 'manifest.json').read_text())


def refused(result):
    assert result.code == 2, result.out + result.err
    line = result.err.strip().splitlines()[-1]
    assert line.startswith('make_corruptions.py: error: ')
    return line


@pytest.fixture(scope='module')
def made(tmp_path_factory):
    folder = make_data(tmp_path_factory.mktemp('made'))
    succeed(MAKE, 'config.py', 'set', '--seed', '3', *FEW, '--jobs', '2', cwd=folder)
    return folder


def test_arrays_are_those_of_cifar_10_c(made):
    paths, images = pixels(made)
    names = sorted(path.name for path in (made / 'set').iterdir() if path.name != '.lock')
    assert names == ['contrast.npy', 'fog.npy', 'labels.npy', 'manifest.json']
    for name in ('fog', 'contrast'):
        array = np.load(made / 'set' / f'{name}.npy')
        assert (array.shape, array.dtype) == ((24, 16, 16, 3), np.uint8)
        # The severities one after the other, RGB.
        for part, severity in ((array[:12], 1), (array[12:], 5)):
            np.testing.assert_array_equal(part, corrupt(images, name, severity, seed=3))
    labels = np.load(made / 'set' / 'labels.npy')
    assert labels.dtype == np.int64
    assert labels.tolist() == [CLASSES.index(path.parent.name) for path in paths] * 2


def test_the_manifest_says_what_it_is_made_of(made):
    found = manifest(made)
    assert found['label'] == 'generated'
    assert (found['seed'], found['table'], found['layout']) == (3, 'cifar', 'arrays')
    assert (found['config'], found['severities']) == ('config.py', [1, 5])
    assert found['source']['dataset']['data_root'] == 'data'
    assert found['source']['classes'] == list(CLASSES)
    assert found['scan']['images'] == 12
    assert {'mmct', 'numpy', 'opencv', 'numba', 'imagecorruptions-imaug'} <= set(found['versions'])
    # In the order of all tables, whatever was asked for first.
    assert list(found['corruptions']) == ['fog', 'contrast']
    listed = [{'fog.npy': None}, {'contrast.npy': None}]
    for digests in found['corruptions'].values():
        assert {name: None for name in digests} in listed
        for name, digest in digests.items():
            content = (made / 'set' / name).read_bytes()
            assert digest == hashlib.sha256(content).hexdigest()


def test_the_number_of_processes_and_of_runs_does_not_matter(made, tmp_path):
    make_data(tmp_path)
    # By two processes; here one corruption by three, and the other later by one.
    options = ('--seed', '3', '--severities', '1', '5', '--corruptions')
    assert make(tmp_path, *options, 'contrast', '--jobs', '3').code == 0
    assert make(tmp_path, *options, 'fog', 'contrast').code == 0
    assert files(tmp_path / 'set') == files(made / 'set')


def test_a_finished_set_is_left_alone(made):
    before = {path: path.stat().st_mtime_ns for path in (made / 'set').glob('*.*')}
    result = make(made, '--seed', '3', *FEW)
    assert result.code == 0
    assert 'set is complete already: nothing to do' in result.out
    assert {path: path.stat().st_mtime_ns for path in (made / 'set').glob('*.*')} == before


# Where the parent kills itself, as `kill -9` would.
SETUP = """
import multiprocessing
import mmct.corruption_sets
from mmct.corruption_sets import layouts, making, manifest, scan
from mmct.runs.files import write_json

scan._MOST = 5  # several parts a corruption; they are cut in the parent alone
move, add, whole = os.replace, making.Progress.add, layouts.ArrayLayout._blocks

def die_at(*names):
    os.replace = lambda old, new: die() if new.name in names else move(old, new)

def die_after(count):
    made = []
    def counted(self, what, images, fresh=True):
        made.append(what)
        if len(made) == count and what != 'checking':
            print('workers', *[p.pid for p in multiprocessing.active_children()], flush=True)
            die()
        add(self, what, images, fresh)
    making.Progress.add = counted

def torn_blocks(self, corruption):
    for count, block in enumerate(whole(self, corruption)):
        yield die() if count == 2 else block

"""
NO_SCAN = 'making.merge = die\n'


def kill(folder, *options, how):
    """Start the tool; it is killed, and so are its workers."""
    before = shared_server() + SETUP + how
    codes = in_processes(folder, MAKE, 'config.py', 'set', *options, before=before)
    assert codes == [-signal.SIGKILL], (how, log_of(folder))
    for line in log_of(folder).splitlines():
        if line.startswith('workers '):
            assert all(is_gone(os.kill, int(pid)) for pid in line.split()[1:])


def go_on(folder, *options, before=''):
    before = shared_server() + SETUP + before
    codes = in_processes(folder, MAKE, 'config.py', 'set', *options, before=before)
    assert codes == [0], log_of(folder)


def is_gone(signal_to, number):
    for _ in range(100):
        try:
            signal_to(number, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.1)
    signal_to(number, signal.SIGKILL)
    return False


def test_killed_anywhere_and_started_again_it_ends_with_the_same_files(made, tmp_path):
    torn, options = make_data(tmp_path), ('--seed', '3', *FEW)
    kills = [
        'making.merge = die',  # in the first pass
        "die_at('manifest.json')",
        "die_at('labels.npy')",
        NO_SCAN + 'die_after(2)',  # from here on that pass is not made again
        NO_SCAN + 'layouts.ArrayLayout._blocks = torn_blocks',
        NO_SCAN + "die_at('fog.npy')",
        NO_SCAN + "die_at('contrast.npy', 'manifest.json')",
        NO_SCAN + "die_at('manifest.json')",
    ]
    for how in kills:
        kill(torn, *options, how=how)
        for array in (torn / 'set').glob('*.npy'):
            assert array.read_bytes() == (made / 'set' / array.name).read_bytes()
    assert list((torn / 'set').glob('.manifest.json.mmct.*.tmp'))
    go_on(torn, *options, before=NO_SCAN)
    assert files(torn / 'set') == files(made / 'set')
    assert not (torn / 'set' / '.making').exists()


@pytest.mark.parametrize('left', [0, 200])
def test_where_the_first_pass_is_damaged_it_is_made_again(made, tmp_path, left):
    torn, options = make_data(tmp_path), ('--seed', '3', *FEW)
    kill(torn, *options, how='die_after(2)')
    scanned = torn / 'set' / '.making' / 'scan.npz'
    scanned.write_bytes(scanned.read_bytes()[:left])
    go_on(torn, *options)
    assert files(torn / 'set') == files(made / 'set')


def test_folders_are_those_of_imagenet_c_also_after_a_kill(tmp_path):
    whole, torn = (make_data(tmp_path / name, size=(16, 20)) for name in ('whole', 'torn'))
    options = (*FEW, '--layout', 'folders')
    for how in ('die_after(2)', "die_at('fog', 'contrast')", "die_at('manifest.json')"):
        kill(torn, *options, how=how if how == 'die_after(2)' else NO_SCAN + how)
        # Its name is only given to a whole one.
        there = [name for name in ('fog', 'contrast') if (torn / 'set' / name).exists()]
        assert bool(there) == ('manifest' in how)
    go_on(torn, *options, before=NO_SCAN)
    assert make(whole, *options).code == 0
    found = files(whole / 'set')
    assert files(torn / 'set') == found
    assert len([name for name in found if name.endswith('.jpg')]) == 2 * 2 * 12
    paths, images = pixels(whole)
    for severity in (1, 5):
        for path, image in zip(paths, corrupt(images, 'fog', severity), strict=True):
            name = f'fog/{severity}/{path.parent.name}/{path.stem}.jpg'
            Image.fromarray(image).save(tmp_path / 'expected.jpg', quality=85, optimize=True)
            assert found[name] == (tmp_path / 'expected.jpg').read_bytes()


def test_a_full_disk_leaves_no_half_written_file(made, tmp_path):
    make_data(tmp_path)
    size = (made / 'set' / 'fog.npy').stat().st_size
    # No file may grow beyond half an array: the system refuses to write.
    limit = f'import resource; resource.setrlimit(resource.RLIMIT_FSIZE, ({size // 2},) * 2)'
    options = ('config.py', 'set', '--seed', '3', *FEW)
    assert in_processes(tmp_path, MAKE, *options, before=shared_server() + limit) == [2]
    last = log_of(tmp_path).splitlines()[-1]
    assert last.startswith('make_corruptions.py: error: set/')
    assert '.npy was not written (File too large)' in last
    left = {path.name for path in (tmp_path / 'set').iterdir()}
    assert left == {'.lock', '.making', 'labels.npy', 'manifest.json'}
    assert make(tmp_path, '--seed', '3', *FEW).code == 0
    assert files(tmp_path / 'set') == files(made / 'set')


@pytest.mark.slow
def test_ctrl_c_ends_all_processes_with_one_line(tmp_path):
    make_data(tmp_path, count=40, size=(300, 300))
    job = fork(tmp_path, MAKE, 'config.py', 'set', '--jobs', '2', before='os.setsid()')
    begun = tmp_path / 'set' / '.making' / 'gaussian_noise'
    wait_until(lambda: begun.exists() or not job.is_alive())
    assert begun.exists(), log_of(tmp_path)
    # As a terminal does: to all of them.
    os.killpg(job.pid, signal.SIGINT)
    assert end(job, seconds=30) == 130
    assert is_gone(os.killpg, job.pid)
    log = log_of(tmp_path)
    assert log.splitlines()[-1] == (
        'make_corruptions.py: stopped; run the same command again to continue'
    )
    assert 'Traceback' not in log


class ThreeClasses(ImageNetCBar):
    METAINFO = dict(classes=CLASSES)


@pytest.mark.parametrize(
    ('reader', 'options'),
    [(CIFAR10CBar, ()), (ThreeClasses, ('--layout', 'folders', '--table', 'imagenet'))],
)
def test_a_c_bar_set_is_read_as_one(tmp_path, reader, options):
    make_data(tmp_path, 6, (32, 32))
    names = C_BAR_SETS[reader.NAME]
    options = ('--corruptions', reader.NAME, '--severities', '2', *options)
    succeed(MAKE, 'config.py', 'set', '--jobs', '1', *options, cwd=tmp_path)
    assert sorted(manifest(tmp_path)['corruptions']) == sorted(names)
    cells = reader(data_root=str(tmp_path / 'set'), channel_order='rgb')
    assert cells.cells == tuple((name, 2) for name in names)
    data = cells.metainfo['corruptions']
    assert data['source'] == 'generated' and data['categories'] == {'c_bar': list(names)}
    number = names.index('sparkles')
    made = corrupt(pixels(tmp_path)[1], 'sparkles', 2, table=data['table'])
    read = cells.read(number, slice(None))
    # Of folders they are JPEGs, of noise.
    assert np.corrcoef(read.ravel(), made.ravel())[0, 1] > (0.999 if not options[4:] else 0.5)
    line = refused(make(tmp_path, *options, out='CIFAR-10-C-Bar'))
    assert 'CIFAR-10-C-Bar is the name of a released set' in line


def test_a_set_of_ones_own_corruptions(tmp_path, monkeypatch):
    make_data(tmp_path)
    config = tmp_path / 'config.py'
    config.write_text(config.read_text() + "custom_imports = dict(imports=['own_corruptions'])\n")
    options = ('--corruptions', 'rain', 'fog', '--severities', '1', '3')
    made = make(tmp_path, *options)
    assert made.code == 0, made.err
    _, images = pixels(tmp_path)
    rainy = np.load(tmp_path / 'set' / 'rain.npy')
    np.testing.assert_array_equal(rainy[12:], corrupt(images, 'rain', 3))
    assert list(manifest(tmp_path)['corruptions']) == ['fog', 'rain']
    assert manifest(tmp_path)['own'] == identities(['rain'])
    cells = ArrayCorruptionSet(data_root=str(tmp_path / 'set'), corruptions=['own'])
    assert cells.cells == (('rain', 1), ('rain', 3))
    assert cells.metainfo['corruptions']['own'] == identities(['rain'])
    # Another function under that name, after an interruption too.
    with monkeypatch.context() as patch:
        patch.setattr(ArrayLayout, 'finish', interrupted)
        refused(make(tmp_path, '--corruptions', 'rain', out='begun'))
    monkeypatch.setattr(OwnCorruption, 'identity', 'own_corruptions.rain (other)')
    assert 'it is own_corruptions.rain (other) now' in refused(make(tmp_path, *options))
    line = refused(make(tmp_path, '--corruptions', 'rain', out='begun'))
    assert 'it is own_corruptions.rain (other) now' in line
    # As long as nothing is made of it, it may change. (Folders are moved before the manifest.)
    (tmp_path / 'begun' / WORK / 'rain').rename(tmp_path / 'begun' / 'rain')
    assert 'other) now' in refused(make(tmp_path, '--corruptions', 'rain', out='begun'))
    (tmp_path / 'begun' / 'rain').rename(tmp_path / 'begun' / WORK / 'rain')
    shutil.rmtree(tmp_path / 'begun' / WORK / 'rain')
    assert make(tmp_path, '--corruptions', 'rain', out='begun').code == 0


def interrupted(layout, name):
    raise CTError('interrupted')


BAD = {
    'corruption': (['--corruptions', 'fogg'], "no corruption 'fogg': did you mean 'fog'"),
    'severity 0': (['--severities', '0'], 'severity must be an integer from 1'),
    'severity 6': (['--severities', '6'], 'severity must be an integer from 1'),
    'severity word': (['--severities', 'x'], "strong), got 'x'"),
    'jobs': (['--jobs', '0'], '--jobs: must be 1 or more, got 0'),
    'seed': (['--seed', '-1'], "seed must be an integer from 0 to 2**64 - 1, got '-1'"),
    'no test set': (['--cfg-options', 'test_dataloader=None'], 'config.py has no test set'),
    'empty': (['--cfg-options', 'test_dataloader.dataset.indices=0'], 'it is empty; put the'),
    'no folder': (['--cfg-options', 'test_dataloader.dataset.data_root=no'], 'no/ does not exist'),
    'option': (['--severity', '1'], "did you mean '--severities'"),
}


@pytest.mark.parametrize('options, message', BAD.values(), ids=BAD)
def test_bad_input_is_one_line(tmp_path, options, message):
    make_data(tmp_path, count=1)
    assert message in refused(make(tmp_path, *options))
    assert not (tmp_path / 'set').exists()


@pytest.mark.parametrize(
    'options, message',
    [
        (['--seed', '4'], 'other settings (seed: 3 -> 4): take another folder'),
        (['--seed', '3', '--severities', '1', '4'], 'severities.1: 5 -> 4'),
        (['--seed', '3', '--table', 'imagenet'], 'table: cifar -> imagenet'),
        (['--seed', '3', '--layout', 'folders'], 'layout: arrays -> folders'),
        (['--seed', '3', '--cfg-options', 'test_dataloader.dataset.indices=6'],
         'source.dataset.indices: not set -> 6'),
    ],
)  # fmt: skip
def test_another_set_in_the_same_folder_is_refused(made, options, message):
    before = files(made / 'set')
    assert message in refused(make(made, *FEW, *options))
    assert files(made / 'set') == before


def test_other_versions_and_other_images_are_refused(made, tmp_path, monkeypatch):
    folder = make_data(tmp_path)
    assert make(folder, *FEW).code == 0
    for name, other, key in (
        ('cv2.__version__', '0.1', 'opencv'),
        # A checkout whose corruptions were changed.
        ('_code_digest', lambda: 'other', 'code_sha256'),
    ):
        with monkeypatch.context() as patch:
            patch.setattr(f'mmct.corruption_sets.manifest.{name}', other)
            assert f'versions.{key}: ' in refused(make(folder, *FEW))
    Image.new('RGB', (16, 16)).save(folder / 'data' / 'ant' / '0.png')
    # It is noticed when there is something to do.
    line = refused(make(folder, '--corruptions', 'snow', '--severities', '1', '5'))
    assert 'scan.pixels_sha256: ' in line


def test_an_image_that_changes_meanwhile_is_refused(tmp_path):
    folder = make_data(tmp_path)
    kill(folder, '--corruptions', 'fog', how='die_after(2)')
    for file in (folder / 'data').rglob('*.png'):
        Image.new('RGB', (16, 16)).save(file)
    line = refused(make(folder, '--corruptions', 'fog'))
    assert 'has changed since this set was started' in line
    assert 'data/ant/' in line


def test_a_folder_of_something_else_is_refused_and_left_alone(tmp_path):
    make_data(tmp_path)
    (tmp_path / 'set').mkdir()
    (tmp_path / 'set' / 'fog.npy').write_text('mine')
    assert 'set holds files but no manifest.json' in refused(make(tmp_path, *FEW))
    assert [path.name for path in (tmp_path / 'set').iterdir()] == ['fog.npy']
    (tmp_path / 'set' / 'manifest.json').write_text('{"label": "else"}')
    assert 'is not the manifest of a generated corruption set' in refused(make(tmp_path, *FEW))


@pytest.mark.parametrize('out', ['data/aset', 'data/ant/set'])
def test_a_folder_among_the_images_is_refused(tmp_path, out):
    make_data(tmp_path)
    before = files(tmp_path)
    assert 'where it would count as a class' in refused(make(tmp_path, *FEW, out=out))
    assert files(tmp_path) == before


def test_the_name_of_a_released_set_is_refused(tmp_path):
    make_data(tmp_path)
    line = refused(make(tmp_path, out='CIFAR-10-C'))
    assert 'take another folder, such as CIFAR-10-C-generated' in line


def test_two_processes_in_one_folder(made):
    with FileLock(made / 'set' / '.lock'):
        assert 'another run is writing to set' in refused(make(made, '--seed', '3', *FEW))


def test_damaged_images_are_named_or_left_out(tmp_path):
    whole = make_data(tmp_path / 'whole', count=9, suffix='jpg', size=(32, 32))
    torn = make_data(tmp_path / 'torn', count=9, suffix='jpg', size=(32, 32))
    (torn / 'data' / 'ant' / '3.jpg').write_text('no image')
    cut = torn / 'data' / 'bee' / '4.jpg'
    cut.write_bytes(cut.read_bytes()[:-300])
    line = refused(make(torn, *FEW))
    assert '2 of 9 images cannot be read: data/ant/3.jpg (it is not an image); data/bee/' in line
    assert '--skip-unreadable' in line
    assert not (torn / 'set' / 'manifest.json').exists()
    for folder in (whole, torn):
        assert make(folder, *FEW, '--skip-unreadable').code == 0
    skipped = manifest(torn)['scan']['skipped']
    assert skipped['count'] == 2
    assert [one['index'] for one in skipped['images']] == [1, 4]
    # The others are what they would be beside the damaged ones.
    kept = [0, 2, 3, 5, 6, 7, 8]
    arrays = [np.load(folder / 'set' / 'fog.npy') for folder in (whole, torn)]
    expected = arrays[0].reshape(2, 9, 32, 32, 3)[:, kept]
    np.testing.assert_array_equal(arrays[1].reshape(expected.shape), expected)
    assert np.load(torn / 'set' / 'labels.npy').tolist() == [0, 0, 1, 1, 2, 2, 2] * 2


@pytest.mark.parametrize(
    'size, more, message',
    [
        ((6, 16), '', "too small: table 'cifar' needs 8 px; or resize them in the pipeline"),
        ((16, 16), "dict(type='RandomFlip', prob=0.5)", 'pipeline is random'),
        ((16, 16), "dict(type='Normalize', mean=[0] * 3, std=[1] * 3)", 'gives images of float32'),
    ],
)
def test_images_that_cannot_be_corrupted(tmp_path, size, more, message):
    make_data(tmp_path, size=size, more=more)
    assert message in refused(make(tmp_path, *FEW))


def test_sizes_between_the_tables_and_what_is_added_later(tmp_path):
    make_data(tmp_path, size=(64, 64))
    assert make(tmp_path, *FEW, '--table', 'cifar', '--layout', 'folders').code == 0
    # What was chosen for a set holds for what is added to it.
    assert make(tmp_path, '--corruptions', 'frost', '--severities', '1', '5').code == 0
    assert len(list((tmp_path / 'set' / 'frost').rglob('*.jpg'))) == 2 * 12
    assert json.loads((tmp_path / 'set' / 'manifest.json').read_text())['table'] == 'cifar'


def test_all_corruptions_by_default_and_arrays_of_data_sets(tmp_path):
    (tmp_path / 'config.py').write_text(
        "default_scope = 'mmpretrain'\ncustom_imports = dict(imports=['mmct'])\n"
        "test_dataloader = dict(dataset=dict(type='Digits', split='test', indices=3,"
        "pipeline=[dict(type='PackInputs')]))"
    )
    succeed(MAKE, 'config.py', 'set', '--severities', '2', cwd=tmp_path)
    assert tuple(manifest(tmp_path)['corruptions']) == CORRUPTIONS
    assert len(list((tmp_path / 'set').glob('*.npy'))) == 20
