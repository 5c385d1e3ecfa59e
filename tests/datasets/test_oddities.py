"""Folders as people have them: each reader of ours sees the same images, or names what is wrong."""

import io
import os
import re
import shutil
import zlib
from types import SimpleNamespace
from unittest.mock import Mock

import cv2
import numpy as np
import oddities
import pytest
from mmengine.config import Config
from mmpretrain.registry import DATASETS
from PIL import Image

from mmct import config_path
from mmct.cli import corrupt, draw
from mmct.corruption_sets import Source, SourceConfig
from mmct.corruption_sets.scan import scan_chunk
from mmct.datasets import CleanImages, FolderCorruptionSet, MultiDomain, TinyImageNetC
from mmct.datasets.images import decoded
from mmct.engine.corruption_test_loop import _clean_images
from mmct.folders import data_folders, image_files, is_system
from mmct.image_content import check_content
from mmct.messages import missing_data
from mmct.runs import CTError
from mmct.runs.building import data_loader
from mmct.scoring.images import open_images

CLASSES = ('ant', 'bee')
PIPELINE = [dict(type='LoadImageFromFile'), dict(type='PackInputs')]


def write(folder, endings=('.png', '.JPEG', '.png')):
    """Images of two classes, each of its own colour."""
    for label, name in enumerate(CLASSES):
        (folder / name).mkdir(parents=True)
        for number, ending in enumerate(endings):
            image = np.full((32, 32, 3), 60 * number + 7 * label, np.uint8)
            cv2.imwrite(str(folder / name / f'{number}{ending}'), image)


def corrupted(root, names=('fog',), kind=FolderCorruptionSet, **settings):
    return kind(data_root=str(root), corruptions=names, severities=[1], **settings)


def domains(root):
    return MultiDomain(data_root=str(root), pipeline=PIPELINE)


def custom(root):
    config = dict(type='CustomDataset', data_root=str(root), pipeline=PIPELINE)
    return DATASETS.build(config)


def test_each_data_set_reads_the_images_alone_and_all_of_them(tmp_path):
    plain, odd = tmp_path / 'plain', tmp_path / 'odd'
    for root in (plain, odd):
        write(root / 'fog' / '1')
    oddities.add(odd / 'fog' / '1')
    before, after = corrupted(plain), corrupted(odd)
    assert after.metainfo['classes'] == CLASSES
    np.testing.assert_array_equal(after.labels, before.labels)
    files = '0.png', '1.JPEG', 'more/of them/2.png'
    names = [f'{name}/{file}' for name in CLASSES for file in files]
    assert after._names.tolist() == names
    np.testing.assert_array_equal(*(each.read(0, slice(None)) for each in (before, after)))

    # The severity's folder as a domain.
    before, after = domains(plain / 'fog'), domains(odd / 'fog')
    assert after.metainfo['domains'] == ('1',) and after.metainfo['classes'] == CLASSES
    paths = [after.get_data_info(row)['img_path'] for row in range(len(after))]
    assert [path.split('/fog/1/')[1] for path in paths] == names
    for row in range(6):
        assert (after[row]['inputs'] == before[row]['inputs']).all()


def test_without_what_systems_add_mmpretrain_lists_the_same(tmp_path):
    write(tmp_path / 'fog' / '1')
    oddities.add(tmp_path / 'fog' / '1')
    ours = corrupted(tmp_path)
    for path in sorted(tmp_path.rglob('*'), reverse=True):
        if is_system(path.name):
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    for name in CLASSES:
        (tmp_path / 'fog' / '1' / name / 'here').unlink()
    theirs = custom(tmp_path / 'fog' / '1')
    paths = [theirs.get_data_info(row)['img_path'] for row in range(len(theirs))]
    assert [path.split('/fog/1/')[1] for path in paths] == ours._names.tolist()


@pytest.mark.parametrize('name', oddities.SYSTEM_FOLDERS)
def test_a_system_folder_that_mmpretrain_takes_for_a_class_is_named(tmp_path, name):
    write(tmp_path)
    (tmp_path / name).mkdir()
    (tmp_path / name / '0.png').write_bytes((tmp_path / 'ant' / '0.png').read_bytes())
    config = dict(type='CustomDataset', data_root=str(tmp_path), pipeline=PIPELINE)
    wrapped = dict(type='ConcatDataset', datasets=[config])

    def loaded(dataset):
        loader = SimpleNamespace(dataset=DATASETS.build(dataset))
        data_loader(SimpleNamespace(test_dataloader=loader, model=None), 'test')

    def made(dataset):
        Source(SourceConfig(dataset, 'mmpretrain', None))

    def generated(dataset):
        DATASETS.build(dict(type='CorruptedDataset', dataset=dataset, corruption='fog', severity=1))

    for read in (CleanImages, made, loaded, generated):
        with pytest.raises(CTError, match=f'has {name}, a hidden or system .* remove it'):
            read(wrapped)
    # Inside a class, its images would be read as the class's.
    (tmp_path / name).rename(tmp_path / 'bee' / name)
    for read in (CleanImages, made, loaded, generated):
        with pytest.raises(CTError, match=f'bee/{name} is a hidden or system .* reads: remove it'):
            read(wrapped)


def test_what_is_no_data(tmp_path):
    assert not any(map(is_system, ('cat', 'n01440764', 'Thumbs', 'a.b', '@cat')))
    assert all(map(is_system, ('.x', '._a.jpg', 'THUMBS.DB', '__MACOSX', '@eaDir', '.DS_Store')))
    (tmp_path / 'loop').symlink_to('loop')
    assert data_folders(tmp_path) == []
    assert data_folders(tmp_path / 'nowhere') == image_files(tmp_path / 'nowhere') == []


# Links in the folder of the class `ant` and behind these, and the images that the class then has.
ITSELF = ['0.png', 'deep/1.png']
LINKS = {
    'two classes to each other': ({'ant/l': 'bee', 'bee/l': 'ant'}, [*ITSELF, 'l/9.png']),
    'a ring of three': ({'ant/l': 'bee', 'bee/l': 'out', 'out/l': 'ant'},
                        [*ITSELF, 'l/9.png', 'l/l/5.png']),
    'to a folder in the class': ({'ant/a': 'ant/deep'}, ITSELF),
    'one folder twice': ({'ant/k': 'out', 'ant/l': 'out'}, [*ITSELF, 'k/5.png']),
    # Who links files one by one wants each.
    'one file twice': ({'ant/k.png': 'out/5.png', 'ant/l.png': 'out/5.png'},
                       [*ITSELF, 'k.png', 'l.png']),
    'up': ({'ant/l': 'ant', 'ant/deep/l': '.'}, ITSELF),
    'up by a detour': ({'ant/l': 'out', 'out/l': '.'}, [*ITSELF, 'l/5.png']),
    'to nothing': ({'ant/l.png': 'nowhere', 'ant/k': 'nowhere'}, [*ITSELF, 'l.png']),
}  # fmt: skip


@pytest.mark.parametrize('links, expected', LINKS.values(), ids=LINKS)
def test_each_folder_of_a_class_is_read_once_whatever_links_show_it(tmp_path, links, expected):
    for file in ('ant/0.png', 'ant/deep/1.png', 'bee/9.png', 'out/5.png'):
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / file).write_bytes(b'')
    for link, target in links.items():
        (tmp_path / link).symlink_to(tmp_path / target)
    assert image_files(tmp_path / 'ant') == expected


# Classes of a cell that the others lack, as frost of one mirror of Tiny-ImageNet-C has them.


@pytest.fixture
def said(monkeypatch):
    lines = []
    for room in ('folder_sets', 'array_sets', 'images'):
        monkeypatch.setattr(
            f'mmct.datasets.{room}.print_log', lambda message, **settings: lines.append(message)
        )
    return lines


NAMES = ('fog', 'frost', 'snow')


@pytest.fixture
def mirror(tmp_path):
    for name in NAMES:
        write(tmp_path / name / '1')
    for more in ('aardvark', 'yak'):
        shutil.copytree(tmp_path / 'frost' / '1' / 'bee', tmp_path / 'frost' / '1' / more)
    return tmp_path


class TinyOfTwo(TinyImageNetC):
    NUM_CLASSES = 2


def test_classes_that_most_cells_lack_are_left_out_and_said(mirror, said):
    cells = corrupted(mirror, NAMES)
    assert cells.metainfo['classes'] == CLASSES
    assert cells.labels.tolist() == [0, 0, 0, 1, 1, 1]
    (line,) = [line for line in said if 'left out' in line]
    assert '1 of 3 cells (frost)' in line and 'aardvark' in line


def test_of_two_cells_the_number_of_classes_tells_the_good_one(mirror, said):
    assert corrupted(mirror, NAMES[:2], TinyOfTwo).metainfo['classes'] == CLASSES
    assert 'zenodo.org/records/8206060' in said[0]
    # Where nothing tells, both are named.
    message = 'fog/1 .* has 6 images, but .*frost/1 has 12; aardvark/0.png is only in .*frost/1'
    with pytest.raises(ValueError, match=message):
        corrupted(mirror, NAMES[:2])
    with pytest.raises(ValueError, match='4 class folders, .* 2 classes, .*8206060'):
        corrupted(mirror, ['frost'], TinyOfTwo)


def test_the_cell_that_differs_is_named_even_if_it_is_the_first(mirror):
    # Cells are in the benchmark's order.
    (mirror / 'snow' / '1' / 'bee' / '2.png').unlink()
    with pytest.raises(ValueError, match='snow/1 .*5 images and lacks bee/2.png, unlike .*frost/1'):
        corrupted(mirror, NAMES)


# Files that decode to wrong pixels without a word.


def jpeg(mode='RGB', **settings):
    rng = np.random.default_rng(0)
    image = Image.fromarray(rng.integers(0, 256, (64, 64, 3), np.uint8)).convert(mode)
    content = io.BytesIO()
    image.save(content, 'JPEG', **settings)
    return content.getvalue()


def sixteen_bits(highest, ending='.png'):
    image = np.linspace(0, highest, 32 * 32 * 3).reshape(32, 32, 3).astype(np.uint16)
    return cv2.imencode(ending, image)[1].tobytes()


WHOLE, PROGRESSIVE = jpeg(), jpeg(progressive=True)
DAMAGED = {
    'cut JPEG with an end': (WHOLE[:-300] + b'\xff\xd9', 'damaged or truncated'),
    'progressive JPEG with a hole': (PROGRESSIVE[:2000] + PROGRESSIVE[2400:], 'damaged or'),
    'JPEG with a hole': (WHOLE[:1500] + WHOLE[1700:], 'damaged or truncated'),
    '12 bits in 16': (sixteen_bits(4095), '12 bits'),
    '10 bits in 16, TIFF': (sixteen_bits(1023, '.tiff'), '12 bits'),
    '12 bits in 16, PPM': (sixteen_bits(4000, '.ppm'), '12 bits'),
    'PGM up to 15': (b'P5\n# a comment 7\n4 4\n15\n' + bytes(range(16)), 'be 15, by which'),
    '14 bits in 16, PPM': (
        sixteen_bits(16383, '.ppm').replace(b'65535', b'16383', 1), 'value .* be 16383, by which'
    ),
}
SOUND = {
    'JPEG': WHOLE,
    'JPEG with a tail': WHOLE + b'camera',
    'progressive JPEG': PROGRESSIVE,
    'grey JPEG': jpeg('L'),
    'CMYK JPEG': jpeg('CMYK'),
    '16 bits': sixteen_bits(65535),
    'black, of 16 bits': sixteen_bits(0),
    'PGM': b'P5 # 9\n4 4 255\n' + bytes(range(16)),
    '16 bits, PPM': sixteen_bits(65535, '.ppm'),
    'PGM as text up to 15': b'P2\n2 2\n15\n0 5\n10 15\n',
}


@pytest.mark.parametrize('content, reason', DAMAGED.values(), ids=DAMAGED)
def test_a_file_that_would_decode_to_wrong_pixels_is_refused(content, reason):
    # Or the test would be about nothing.
    assert cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR) is not None
    with pytest.raises(ValueError, match=reason):
        check_content(content)


@pytest.mark.parametrize('content', SOUND.values(), ids=SOUND)
def test_a_sound_file_is_read(tmp_path, content):
    (tmp_path / 'image').write_bytes(content)
    assert decoded(tmp_path / 'image').dtype == np.uint8


def as_the_configs_read(root):
    pipeline = Config.fromfile(config_path('erm_resnet18w16_pacs64')).test_pipeline
    pipeline[1].scale = (32, 32)
    return MultiDomain(data_root=str(root), pipeline=pipeline)


def generated(root):
    config = dict(type='CustomDataset', data_root=str(root / '1'), pipeline=PIPELINE)
    dataset = dict(
        type='CorruptedDataset', dataset=dict(config, test_mode=True), corruption='fog', severity=1
    )
    return DATASETS.build(dataset)


def drawn(root):
    return [draw.load(str(root / '1' / file), 32) for file in image_files(root / '1')]


READERS = dict(
    corrupted=lambda root: corrupted(root.parent).read(0, slice(None)),
    domains=lambda root: [domains(root)[row] for row in range(6)],
    domains_of_the_configs=lambda root: [as_the_configs_read(root)[row] for row in range(6)],
    clean=lambda root: CleanImages(custom(root / '1')).read(0, slice(None)),
    generated=lambda root: [generated(root)[row] for row in range(6)],
    scored=lambda root: open_images(root / '1').read(0, slice(None)),
    drawn=drawn,
)


def scan(root):
    config = dict(type='CustomDataset', data_root=str(root / '1'), pipeline=PIPELINE)
    return scan_chunk(Source(SourceConfig(config, 'mmpretrain', None)), 0, 6).unreadable


def with_width(pixels, dtype=np.uint8):
    """Make a PNG that claims to be that wide."""
    content = cv2.imencode('.png', np.full((32, 32), 99, dtype))[1].tobytes()
    head = content[12:16] + pixels.to_bytes(4, 'big') + content[20:29]
    return content[:12] + head + zlib.crc32(head).to_bytes(4, 'big') + content[33:]


BROKEN = {
    'a JPEG with a hole': ('1.JPEG', DAMAGED['JPEG with a hole'][0], 'its JPEG data are damaged'),
    '12 bits in 16': ('0.png', sixteen_bits(4095), 'as if 12 bits were'),
    'no image': ('0.png', b'nothing', '.'),
    'an empty file': ('2.png', b'', '.'),
    'a PNG of sides beyond all': ('2.png', with_width(0xFFFFFFFF), '.'),
    'a PNG of 16 bits and as wide': ('2.png', with_width(1 << 21, np.uint16), '.'),
    'a cut PNG': ('2.png', cv2.imencode('.png', np.eye(32) * 255)[1].tobytes()[:-40], '.'),
}


@pytest.mark.parametrize('name, content, reason', BROKEN.values(), ids=BROKEN)
def test_each_reader_names_a_damaged_file(tmp_path, name, content, reason):
    write(tmp_path / 'fog' / '1')
    (tmp_path / 'fog' / '1' / 'ant' / name).write_bytes(content)
    for read in READERS.values():
        with pytest.raises((OSError, CTError), match=f'ant/{name} cannot be read: .*{reason}'):
            read(tmp_path / 'fog')
    (found,) = scan(tmp_path / 'fog')
    assert found['file'].endswith(f'ant/{name}') and re.search(reason, found['reason'])


@pytest.mark.parametrize('kind', [np.uint16, np.int32, np.float32])
def test_of_grey_images_of_more_bits_the_upper_eight_are_read_or_they_are_refused(tmp_path, kind):
    write(tmp_path / 'fog' / '1')
    grey = np.linspace(0, 65535, 32 * 32).reshape(32, 32)
    for file in sorted((tmp_path / 'fog' / '1').rglob('*.*')):
        file.unlink()
        ending = '.png' if kind == np.uint16 else '.tif'
        Image.fromarray(grey.astype(kind)).save(file.with_suffix(ending))
    for name, read in READERS.items():
        # Pillow would clip them.
        if kind == np.uint16 and name != 'domains_of_the_configs':
            found = read(tmp_path / 'fog')
            if isinstance(found[0], np.ndarray):
                assert abs(np.mean(found[0]) - 127.5) < 2
            continue
        with pytest.raises((OSError, CTError), match='save it with 8 bits|is not an image'):
            read(tmp_path / 'fog')


@pytest.mark.parametrize('name, content, reason', BROKEN.values(), ids=BROKEN)
def test_a_damaged_file_is_not_taken_for_missing_data(tmp_path, name, content, reason):
    (tmp_path / 'ant').mkdir()
    (tmp_path / 'ant' / name).write_bytes(content)
    config = dict(type='CustomDataset', data_root=str(tmp_path), pipeline=PIPELINE)

    class Run:
        model = None

        @property
        def test_dataloader(self):
            return DATASETS.build(dict(type='GeneratedCorruptionSet', dataset=config))

    for read in (lambda: data_loader(Run(), 'test'), lambda: _clean_images(config)):
        with pytest.raises(CTError, match=f'ant/{name} cannot be read: .*{reason}') as raised:
            read()
        assert 'put the data' not in str(raised.value) and 'put the test' not in str(raised.value)


def test_what_is_missing_is_told_from_what_is_closed():
    missing, closed = FileNotFoundError(2, 'No such file', 'a'), PermissionError(13, 'Denied', 'a')
    assert missing_data(missing) == 'a does not exist'
    assert 'exist' not in missing_data(closed) and 'Denied' in missing_data(closed)


def test_a_photograph_is_upright_but_where_the_protocol_of_domains_leaves_it(tmp_path):
    (tmp_path / 'fog' / '1' / 'ant').mkdir(parents=True)
    upright = np.zeros((32, 32, 3), np.uint8)
    upright[:16] = 255
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned clockwise by a quarter
    stored = Image.fromarray(np.rot90(upright).copy())
    stored.save(tmp_path / 'fog' / '1' / 'ant' / '0.jpg', quality=95, exif=exif)
    found = dict(
        corrupted=corrupted(tmp_path).read(0, slice(None))[0],
        clean=CleanImages(custom(tmp_path / 'fog' / '1')).read(0, slice(None))[0],
        scored=open_images(tmp_path / 'fog' / '1').read(0, slice(None))[0],
        drawn=drawn(tmp_path / 'fog')[0],
    )
    for image in found.values():
        assert image[:12].mean() > 250 and image[20:].mean() < 5
    left = as_the_configs_read(tmp_path / 'fog')[0]['inputs'].float()
    assert left[:, :, :12].mean() > 250 and left[:, :, 20:].mean() < 5


def test_a_set_that_is_made_has_the_order_of_its_images_in_subfolders(tmp_path):
    write(tmp_path / 'clean', endings=('.png',))
    for name in CLASSES:
        (tmp_path / 'clean' / name / 'a').mkdir()
        # It is the first by its path, and the last by its name.
        cv2.imwrite(str(tmp_path / 'clean' / name / 'a' / '9.png'), np.full((32, 32, 3), 200))
    options = ['--corruptions', 'brightness', '--severities', '1', '--layout', 'folders']
    dataset = dict(type='CustomDataset', data_root=str(tmp_path / 'clean'), pipeline=PIPELINE)
    config = tmp_path / 'config.py'
    config.write_text(f"default_scope = 'mmpretrain'\ntest_dataloader = dict(dataset={dataset})")
    assert corrupt.main([str(config), str(tmp_path / 'made'), *options]) == 0
    made = corrupted(tmp_path / 'made', ['brightness']).read(0, slice(None))
    clean = CleanImages(DATASETS.build(dataset)).read(0, slice(None))
    order = np.argsort(made.mean((1, 2, 3)))
    assert made.shape == clean.shape and (order == np.argsort(clean.mean((1, 2, 3)))).all()


def test_the_limit_of_pillow_stops_no_reader(tmp_path, monkeypatch):
    write(tmp_path / 'fog' / '1')
    monkeypatch.setattr(Image, 'MAX_IMAGE_PIXELS', 100)
    with pytest.raises(Image.DecompressionBombError):
        Image.open(tmp_path / 'fog' / '1' / 'ant' / '0.png')
    for read in READERS.values():
        assert len(read(tmp_path / 'fog')) == 6
    assert scan(tmp_path / 'fog') == []


# Grey images.


def test_grey_files_have_three_equal_channels_which_is_said(tmp_path, said):
    write(tmp_path / 'fog' / '1')
    grey = np.arange(32 * 32, dtype=np.uint8).reshape(32, 32)
    for file in (tmp_path / 'fog' / '1').rglob('*.*'):
        cv2.imwrite(str(file), grey)
    found = corrupted(tmp_path).read(0, slice(None))
    assert found.shape == (6, 32, 32, 3) and (found == found[..., :1]).all()
    assert len(said) == 1 and 'is grey: it is read as three equal channels' in said[0]
    CleanImages(custom(tmp_path / 'fog' / '1'))
    assert said[1] == said[0]
    cv2.imwrite(str(tmp_path / 'fog' / '1' / 'ant' / '0.png'), np.dstack([grey, grey, 255 - grey]))
    corrupted(tmp_path)
    CleanImages(custom(tmp_path / 'fog' / '1'))
    assert len(said) == 2


@pytest.mark.parametrize('shape', [(5, 6, 4), (5, 6, 4, 1)])
def test_grey_arrays_have_three_equal_channels_which_is_said(tmp_path, said, shape):
    images = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    np.save(tmp_path / 'fog.npy', images)
    np.save(tmp_path / 'labels.npy', np.zeros(5, int))
    cells = DATASETS.build(
        dict(type='ArrayCorruptionSet', data_root=str(tmp_path), corruptions=['fog'])
    )
    found = np.concatenate([cells.read(number, slice(None)) for number in range(5)])
    np.testing.assert_array_equal(found, np.stack([images.reshape(5, 6, 4)] * 3, -1))
    assert cells[2]['inputs'].shape == (3, 6, 4)
    assert len(said) == 1 and 'fog.npy holds grey images: they are read as three' in said[0]


def test_a_name_that_is_no_utf_8_is_that_of_an_image(tmp_path):
    write(tmp_path / '1')
    image = tmp_path / '1' / 'ant' / '0.png'
    image.rename(image.with_name(os.fsdecode(b'caf\xe9.png')))
    assert scan(tmp_path) == []


def test_an_intact_image_is_not_called_damaged_if_the_pipeline_fails(tmp_path):
    write(tmp_path, endings=('.png',))
    pipeline = [PIPELINE[0], dict(type='CenterCrop', crop_size=(16, 16)), PIPELINE[-1]]
    config = dict(type='CustomDataset', data_root=str(tmp_path), pipeline=pipeline)
    source = Source(SourceConfig(config, 'mmpretrain', None))
    for error, shown in [
        (KeyError('no scale'), CTError(r'ant/0.png is intact, but .* fails on it \(no scale')),
        (MemoryError('full'), MemoryError('full')),
    ]:
        source.dataset.pipeline.transforms[1].transform = Mock(side_effect=error)
        with pytest.raises(type(shown), match=str(shown)):
            scan_chunk(source, 0, 2)


def test_a_hidden_array_is_no_corruption(tmp_path):
    for name in ('mist', '._mist'):
        np.save(tmp_path / f'{name}.npy', np.zeros((5, 6, 4, 3), np.uint8))
    (tmp_path / '._mist.npy').write_bytes(b'\0')
    np.save(tmp_path / 'labels.npy', np.zeros(5, int))
    cells = DATASETS.build(dict(type='ArrayCorruptionSet', data_root=str(tmp_path)))
    assert {cell.corruption for cell in cells.cells} == {'mist'}


@pytest.mark.parametrize('named', [True, False])
def test_a_class_without_images_may_be_in_a_set_of_ours_and_in_no_other(tmp_path, named):
    write(tmp_path / 'clean', endings=('.png',))
    (tmp_path / 'clean' / 'cow').mkdir()
    options = ['--corruptions', 'fog', '--severities', '1', '--layout', 'folders']
    dataset = dict(type='CustomDataset', data_root=str(tmp_path / 'clean'), pipeline=PIPELINE)
    classes = ('ant', 'bee', 'cow')
    if not named:
        classes = ('0', '1', '2')
        (tmp_path / 'list.txt').write_text('ant/0.png 0\nbee/0.png 2\n')
        dataset['ann_file'] = str(tmp_path / 'list.txt')
    config = tmp_path / 'config.py'
    config.write_text(f"default_scope = 'mmpretrain'\ntest_dataloader = dict(dataset={dataset})")
    assert corrupt.main([str(config), str(tmp_path / 'made'), *options]) == 0
    found = corrupted(tmp_path / 'made')
    assert found.metainfo['classes'] == classes
    assert found.labels.tolist() == ([0, 1] if named else [0, 2])
    (tmp_path / 'made' / 'manifest.json').unlink()
    with pytest.raises(ValueError, match='(cow|1) has no images .* would be left out'):
        corrupted(tmp_path / 'made')
