"""Corruption sets on disk: what is there is read, what is wrong is named."""

import hashlib
import io
import json
import pickle
import shutil
from pathlib import Path

import numpy as np
import pytest
from mmengine.dataset import default_collate
from mmpretrain.registry import DATASETS
from PIL import Image
from torch.utils.data import DataLoader

from mmct.corruptions import BENCHMARK, CORRUPTIONS, SEVERITIES, Cell
from mmct.datasets import (
    CIFAR10C,
    CIFAR100C,
    ArrayCorruptionSet,
    CIFAR10CBar,
    ImageNet3DCC,
    ImageNetCBar,
)

COUNT, SIZE = 6, 8
NAMES = ('fog', 'contrast')
LABELS = np.arange(COUNT) // 2
CLASSES = ('ant', 'bee', 'cat')


def pixels(name, count=5 * COUNT, size=SIZE):
    rng = np.random.default_rng(CORRUPTIONS.index(name))
    return rng.integers(0, 256, (count, size, size, 3), np.uint8)


@pytest.fixture
def arrays(tmp_path):
    for name in NAMES:
        np.save(tmp_path / f'{name}.npy', pixels(name))
    np.save(tmp_path / 'labels.npy', np.tile(LABELS, 5))
    return tmp_path


@pytest.fixture
def folders(tmp_path):
    for name in NAMES:
        for row, image in enumerate(pixels(name)):
            severity, i = divmod(row, COUNT)
            file = tmp_path / name / str(severity + 1) / CLASSES[LABELS[i]] / f'{i}.png'
            file.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(image).save(file)
    return tmp_path


def build(root, kind='ArrayCorruptionSet', **settings):
    settings = {'corruptions': NAMES, **settings}
    return DATASETS.build(dict(type=kind, data_root=str(root), **settings))


KINDS = [('ArrayCorruptionSet', 'arrays'), ('FolderCorruptionSet', 'folders')]


@pytest.mark.parametrize('kind, fixture', KINDS)
@pytest.mark.parametrize('order', ['rgb', 'bgr'])
def test_cells_have_the_pixels_and_labels_of_the_files(kind, fixture, order, request):
    cells = build(request.getfixturevalue(fixture), kind, channel_order=order)
    assert cells.cells == tuple(Cell(name, s) for name in NAMES for s in SEVERITIES)
    assert len(cells) == 10 * COUNT
    flip = slice(None, None, 1 if order == 'rgb' else -1)
    for number, cell in enumerate(cells.cells):
        first = (cell.severity - 1) * COUNT
        expected = pixels(cell.corruption)[first:first + COUNT, ..., flip]
        np.testing.assert_array_equal(cells.read(number, slice(None)), expected)
        np.testing.assert_array_equal(cells.read(number, slice(1, 4)), expected[1:4])
        for i in (0, COUNT - 1):
            sample = cells[number * COUNT + i]
            np.testing.assert_array_equal(
                sample['inputs'].permute(1, 2, 0).numpy(), expected[i]
            )
            assert int(sample['data_samples'].gt_label) == LABELS[i]
            assert sample['data_samples'].corruption == cell.corruption
            assert sample['data_samples'].severity == cell.severity
            assert sample['data_samples'].position == i
    np.testing.assert_array_equal(cells.get_gt_labels(), np.tile(LABELS, 10))
    assert cells.get_cat_ids(3) == [LABELS[3]]


@pytest.mark.parametrize('kind, fixture', KINDS)
def test_a_stock_loader_with_workers_reads_it(kind, fixture, request):
    cells = build(request.getfixturevalue(fixture), kind, channel_order='rgb')
    loader = DataLoader(cells, 7, num_workers=2, collate_fn=default_collate)
    found = np.concatenate([batch['inputs'].permute(0, 2, 3, 1) for batch in loader])
    np.testing.assert_array_equal(found, np.concatenate([pixels(name) for name in NAMES]))


@pytest.mark.parametrize('kind, fixture', KINDS)
def test_some_corruptions_severities_and_images(kind, fixture, request):
    root = request.getfixturevalue(fixture)
    # In the usual order, each once.
    cells = build(root, kind, corruptions=['contrast', 'fog', 'fog'], severities=[5, 2])
    assert cells.cells == (
        Cell('fog', 2), Cell('fog', 5), Cell('contrast', 2), Cell('contrast', 5)
    )  # fmt: skip
    order = cells.channel_order
    flip = slice(None, None, 1 if order == 'rgb' else -1)
    expected = pixels('contrast')[4 * COUNT:, ..., flip]
    np.testing.assert_array_equal(cells.read(3, slice(None)), expected)
    assert len(build(root, kind, indices=5)) == 5
    subset = cells.get_subset([20, -1])
    assert (len(cells), len(subset)) == (24, 2)
    assert subset[0]['data_samples'].position == 2
    assert subset[1]['data_samples'].position == COUNT - 1


def test_by_default_the_benchmark_and_the_extra_ones_if_they_are_there(tmp_path):
    for name in BENCHMARK:
        np.save(tmp_path / f'{name}.npy', pixels(name, 5))
    np.save(tmp_path / 'labels.npy', np.zeros(5, np.uint8))
    cells = ArrayCorruptionSet(data_root=str(tmp_path))
    assert [cell.corruption for cell in cells.cells[::5]] == list(BENCHMARK)
    np.save(tmp_path / 'saturate.npy', pixels('saturate', 5))
    # Not 16 of 19.
    with pytest.raises(FileNotFoundError, match=r'speckle_noise\.npy'):
        ArrayCorruptionSet(data_root=str(tmp_path))
    for name in CORRUPTIONS[15:]:
        np.save(tmp_path / f'{name}.npy', pixels(name, 5))
    assert len(ArrayCorruptionSet(data_root=str(tmp_path)).cells) == 95


@pytest.mark.parametrize('kind, fixture', KINDS)
@pytest.mark.parametrize('made', [NAMES, NAMES[:1]], ids=['all', 'one'])
def test_by_default_a_set_of_ours_has_what_was_made(kind, fixture, made, request):
    root = request.getfixturevalue(fixture)
    manifest = dict(label='generated', severities=[1, 2, 3, 4, 5], seed=0, table='cifar',
                    corruptions=dict.fromkeys(made, {}), source=dict(classes=None))  # fmt: skip
    (root / 'manifest.json').write_text(json.dumps(manifest))
    cells = build(root, kind, corruptions=None).cells
    assert {cell.corruption for cell in cells} == set(made)


def test_a_map_is_let_go(arrays):
    def mapped():
        maps = Path('/proc/self/maps').read_text()
        return {name for name in NAMES if str(arrays / f'{name}.npy') in maps}

    cells = build(arrays)
    assert mapped() == set()
    kept = [cells.read(0, slice(None))]
    assert mapped() == {'fog'}
    kept += [cells.read(7, slice(None))]
    assert mapped() == {'contrast'}
    cells.close()
    assert mapped() == set()
    assert kept[0].flags.writeable


def test_workers_get_no_pixels(arrays):
    cells = build(arrays)
    cells.read(0, slice(None))
    content = pickle.dumps(cells)
    assert len(content) < 20_000
    np.testing.assert_array_equal(
        pickle.loads(content).read(0, slice(None)), cells.read(0, slice(None))
    )


def test_what_a_result_will_say(arrays):
    data = build(arrays).metainfo['corruptions']
    assert (data['set'], data['source'], data['images'], data['num_classes']) == (
        'arrays', 'released', COUNT, 3,
    )  # fmt: skip
    labels = hashlib.sha256(LABELS.astype('<i8').tobytes()).hexdigest()
    assert data['labels_sha256'] == labels
    manifest = dict(label='generated', severities=[1, 2, 3, 4, 5], corruptions={}, seed=3,
                    table='cifar', source=dict(classes=CLASSES))  # fmt: skip
    (arrays / 'manifest.json').write_text(json.dumps(manifest))
    cells = build(arrays)
    data = cells.metainfo['corruptions']
    assert (data['source'], data['seed'], data['table']) == ('generated', 3, 'cifar')
    assert cells.metainfo['classes'] == CLASSES
    (arrays / 'manifest.json').write_text('{"label": 1}')
    with pytest.raises(ValueError, match=r'manifest\.json is damaged'):
        build(arrays)


def header(text):
    def damage(file):
        content = file.read_bytes()
        file.write_bytes(content[:10] + text.ljust(118) + content[128:])

    return damage


def pickled(file):
    np.save(file, np.array([dict(a=1)] * 30), allow_pickle=True)


def saved(change):
    def save(file):
        np.save(file, change(np.load(file)))

    return save


def cut(file):
    file.write_bytes(file.read_bytes()[:-100])


ARRAYS = {
    'corrupt header': ('fog', header(b'{broken'), 'damaged or not an .npy'),
    'header of no dict': ('fog', header(b'[1, 2]'), 'damaged or not an .npy'),
    'no npy at all': ('fog', lambda file: file.write_text('hello'), 'damaged or not an .npy'),
    'empty': ('fog', lambda file: file.write_bytes(b''), 'damaged or not an .npy'),
    'pickled': ('fog', pickled, 'damaged or not an .npy'),
    'pickled labels': ('labels', pickled, 'damaged or not an .npy'),
    'truncated': ('fog', cut, 'damaged or not an .npy'),
    'missing': ('contrast', Path.unlink, 'there is no'),
    'no labels': ('labels', Path.unlink, 'there is no'),
    'floats': ('fog', saved(lambda a: a / 255), 'must hold uint8'),
    'two channels': ('fog', saved(lambda a: a[..., :2]), 'must hold uint8'),
    'alpha': ('fog', saved(lambda a: a[..., [0, 1, 2, 0]]), 'must hold uint8'),
    'Fortran order': ('fog', saved(np.asfortranarray), 'Fortran order'),
    'too few images': ('contrast', saved(lambda a: a[:-1]), 'contrast at severity 5'),
    'far too few': ('contrast', saved(lambda a: a[:7]), 'contrast at severity 2'),
    'another size': ('contrast', saved(lambda a: a[:, :4]), 'images of (4, 8) px'),
    'labels of another order': (
        'labels', saved(lambda a: np.append(a[:-1], 0)), 'severity 5 differs',
    ),
    'float labels': ('labels', saved(lambda a: a.astype(float)), 'must hold integers'),
    'labels of a row': ('labels', saved(lambda a: a[None]), 'must hold integers'),
    'labels for 4 severities': ('labels', saved(lambda a: a[:-1]), 'not 5 blocks'),
    'negative label': ('labels', saved(lambda a: a - 1), 'labels from -1'),
}  # fmt: skip


@pytest.mark.parametrize('name, damage, said', ARRAYS.values(), ids=ARRAYS)
def test_a_wrong_array_is_refused_and_named(arrays, name, damage, said):
    damage(arrays / f'{name}.npy')
    with pytest.raises((ValueError, FileNotFoundError)) as error:
        build(arrays)
    assert f'{name}.npy' in str(error.value)
    assert said in str(error.value)
    assert '\n' not in str(error.value)


def test_labels_of_another_set_are_refused(tmp_path):
    np.save(tmp_path / 'fog.npy', pixels('fog', 100, 32))
    np.save(tmp_path / 'labels.npy', np.tile(np.arange(20), 5))
    assert len(build(tmp_path, 'CIFAR100C', corruptions=['fog'])) == 100
    with pytest.raises(ValueError, match='from 0 to 19, but they must be 0 to 9'):
        build(tmp_path, 'CIFAR10C', corruptions=['fog'])


def test_images_of_another_size_are_not_cifar(arrays):
    with pytest.raises(ValueError, match=r'\(8, 8\) px instead of \(32, 32\)'):
        build(arrays, 'CIFAR10C')


def test_md5_on_request(tmp_path, monkeypatch):
    np.save(tmp_path / 'fog.npy', pixels('fog', 5, 32))
    np.save(tmp_path / 'labels.npy', np.zeros(5, int))
    settings = dict(corruptions=['fog'])
    assert not build(tmp_path, 'CIFAR10C', **settings).metainfo['corruptions']['md5_checked']
    with pytest.raises(ValueError, match=r'labels\.npy is not the released file'):
        build(tmp_path, 'CIFAR10C', check_md5=True, **settings)
    own = {name: hashlib.md5((tmp_path / f'{name}.npy').read_bytes()).hexdigest()
           for name in ('fog', 'labels')}  # fmt: skip
    monkeypatch.setattr(CIFAR10C, 'MD5', own)
    checked = build(tmp_path, 'CIFAR10C', check_md5=True, **settings)
    assert checked.metainfo['corruptions']['md5_checked']
    monkeypatch.setattr(CIFAR10C, 'MD5', dict(labels=own['labels']))
    with pytest.raises(ValueError, match=r'the MD5 of a released fog\.npy is unknown'):
        build(tmp_path, 'CIFAR10C', check_md5=True, **settings)


@pytest.mark.parametrize('kind', [CIFAR10C, CIFAR100C])
def test_all_files_of_the_released_sets_have_an_md5(kind):
    assert set(kind.MD5) == {*CORRUPTIONS, 'labels'}
    assert len({*CIFAR10C.MD5.values(), *CIFAR100C.MD5.values()}) == 40


def jpeg(file, keep=None):
    content = io.BytesIO()
    Image.fromarray(pixels('fog', 1, 64)[0]).save(content, 'JPEG')
    file.with_suffix('.jpg').write_bytes(content.getvalue()[:keep])
    file.unlink()


FOLDERS = {
    'an image less': (lambda root, file: file.unlink(), ['contrast/2', '5 images', 'cat/4.png']),
    'an image more': (
        lambda root, file: shutil.copy(file, file.with_name('9.png')),
        ['contrast/2', '7 images', 'cat/9.png'],
    ),
    'empty class folder': (
        lambda root, file: [f.unlink() for f in file.parent.iterdir()],
        ['contrast/2/cat', 'no images', 'contrast at severity 2'],
    ),
    'class folder less': (
        lambda root, file: shutil.rmtree(file.parent), ['contrast/2', 'cat/4.png'],
    ),
    'no class folders': (
        lambda root, file: [shutil.rmtree(f) for f in file.parents[1].iterdir()],
        ['contrast/2', 'no class folders'],
    ),
    'severity less': (
        lambda root, file: shutil.rmtree(file.parents[1]),
        ['does not exist', 'contrast/2', 'contrast at severity 2'],
    ),
}  # fmt: skip


@pytest.mark.parametrize('damage, said', FOLDERS.values(), ids=FOLDERS)
def test_a_wrong_folder_is_refused_and_named(folders, damage, said):
    damage(folders, folders / 'contrast' / '2' / 'cat' / '4.png')
    with pytest.raises((ValueError, FileNotFoundError)) as error:
        build(folders, 'FolderCorruptionSet')
    assert all(word in str(error.value) for word in said), error.value


IMAGES = {
    'no image': (lambda file: file.write_text('hello'), OSError, 'cannot be read'),
    'empty': (lambda file: file.write_bytes(b''), OSError, 'cannot be read'),
    'truncated JPEG': (lambda file: jpeg(file, -300), OSError, 'cannot be read'),
    'another size': (jpeg, ValueError, '(64, 64) px'),
}


@pytest.mark.parametrize('damage, kind, said', IMAGES.values(), ids=IMAGES)
def test_an_unreadable_image_is_named_when_read(folders, damage, kind, said):
    # In all cells: a file has the same name in each.
    for file in folders.glob('*/*/cat/4.png'):
        damage(file)
    cells = build(folders, 'FolderCorruptionSet')
    with pytest.raises(kind) as error:
        cells.read(6, slice(None))
    assert '4.' in str(error.value)
    assert said in str(error.value)


def test_a_cell_of_another_size_is_refused_however_few_are_read(folders):
    for file in folders.glob('contrast/2/*/*.png'):
        jpeg(file)
    for file in folders.glob('*/*/*/*.png'):
        Image.open(file).resize((32, 32)).save(file.with_suffix('.jpg'))
        file.unlink()
    cells = build(folders, 'FolderCorruptionSet')
    number = cells.cells.index(('contrast', 2))
    assert cells.read(number - 1, slice(1)).shape == (1, 32, 32, 3)
    with pytest.raises(ValueError, match=r'contrast/2/.* has \(64, 64\) px, but .* has \(32, 32\)'):
        cells.read(number, slice(1))


def test_a_jpeg_with_bytes_after_its_end_is_read(folders):
    for file in folders.glob('*/*/*/*.png'):
        jpeg(file)
        file = file.with_suffix('.jpg')
        file.write_bytes(file.read_bytes() + b'tail')
    assert build(folders, 'FolderCorruptionSet').read(0, slice(None)).shape == (COUNT, 64, 64, 3)


@pytest.mark.parametrize('kind', ['ImageNetC', 'TinyImageNetC'])
def test_other_numbers_of_classes_are_refused(folders, kind):
    with pytest.raises(ValueError, match='3 class folders'):
        build(folders, kind)


@pytest.mark.parametrize('kind', ['ArrayCorruptionSet', 'FolderCorruptionSet', 'CIFAR10C'])
@pytest.mark.parametrize(
    'settings, said',
    [
        (dict(corruptions=['fgo']), "did you mean 'fog'"),
        (dict(corruptions=[]), 'must have a name'),
        (dict(severities=[6]), 'from 1 .* to 5'),
        (dict(severities=[]), 'there are no severities'),
        (dict(channel_order='RGB'), "got 'RGB'"),
    ],
)
def test_wrong_settings_are_refused(arrays, kind, settings, said):
    with pytest.raises(ValueError, match=said):
        build(arrays, kind, **settings)


@pytest.mark.parametrize('kind', ['ArrayCorruptionSet', 'FolderCorruptionSet'])
def test_a_missing_folder_is_named(tmp_path, kind):
    with pytest.raises(FileNotFoundError, match='folder .*nowhere does not exist'):
        build(tmp_path / 'nowhere', kind)


@pytest.mark.parametrize('named', [True, False])
def test_imagenet_c_bar_has_folders_named_by_strength_or_number(tmp_path, named):
    (name, levels) = next(iter(ImageNetCBar.LEVELS.items()))
    assert levels == ('0.80', '1.60', '2.40', '4.00', '5.60')
    assert len(ImageNetCBar.LEVELS) == 10

    class Two(ImageNetCBar):
        METAINFO = dict(classes=CLASSES[:2])

    for severity, level in enumerate(levels, 1):
        for label in CLASSES[:2]:
            file = tmp_path / name / (level if named else str(severity)) / label / '0.png'
            file.parent.mkdir(parents=True)
            Image.fromarray(np.full((8, 8, 3), round(10 * float(level)), np.uint8)).save(file)
    cells = Two(data_root=str(tmp_path), corruptions=[name])
    shades = [int(cells.read(number, slice(1))[0, 0, 0, 0]) for number in range(5)]
    assert shades == [round(10 * float(level)) for level in levels]


def test_cifar10_c_bar_has_names_of_its_own(tmp_path):
    name = CIFAR10CBar.CATEGORIES['c_bar'][3]
    np.save(tmp_path / f'{name}.npy', pixels('fog', 5, 32))
    np.save(tmp_path / 'labels.npy', np.zeros(5, int))
    cells = CIFAR10CBar(data_root=str(tmp_path), corruptions=[name])
    assert cells.metainfo['corruptions']['categories'].keys() == {'c_bar'}
    with pytest.raises(ValueError, match='there is no corruption'):
        CIFAR10CBar(data_root=str(tmp_path), corruptions=['fog'])


def test_the_twelve_corruptions_of_3dcc(tmp_path):
    class Two(ImageNet3DCC):
        METAINFO = dict(classes=CLASSES[:2])

    names = [name for kind in Two.CATEGORIES.values() for name in kind]
    assert len({*names}) == len(names) == 12
    for name in names:
        for label in CLASSES[:2]:
            file = tmp_path / name / '5' / label / '0.png'
            file.parent.mkdir(parents=True)
            Image.fromarray(pixels('fog', 1)[0]).save(file)
    cells = Two(data_root=str(tmp_path), severities=[5])
    assert [cell.corruption for cell in cells.cells] == names
