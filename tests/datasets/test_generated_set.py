"""All cells in memory: those of CorruptedDataset, whatever holds the images."""

import numpy as np
import pytest
from mmpretrain.registry import DATASETS
from PIL import Image

from mmct.corruptions import CORRUPTIONS
from mmct.datasets import CleanImages, CorruptedDataset, GeneratedCorruptionSet, generated_set
from mmct.scoring.cell_sources import CorruptedImages

DIGITS = dict(type='Digits', split='test', indices=9, pipeline=[dict(type='PackInputs')])


@pytest.fixture
def files(tmp_path):
    rng = np.random.default_rng(0)
    for i in range(9):
        file = tmp_path / 'ab'[i % 2] / f'{i}.png'
        file.parent.mkdir(exist_ok=True)
        Image.fromarray(rng.integers(0, 256, (20, 18, 3), np.uint8)).save(file)
    pipeline = [
        dict(type='LoadImageFromFile'), dict(type='Resize', scale=16), dict(type='PackInputs')
    ]  # fmt: skip
    return dict(type='CustomDataset', data_root=str(tmp_path), pipeline=pipeline)


@pytest.mark.parametrize('source', ['digits', 'files'])
@pytest.mark.parametrize('name', ['frost', 'saturate'])
def test_images_are_those_of_corrupted_dataset(source, name, files):
    inner = files if source == 'files' else DIGITS
    settings = dict(seed=3)
    cells = GeneratedCorruptionSet(inner, corruptions=[name], severities=[2, 5], **settings)
    assert cells.channel_order == ('bgr' if source == 'files' else 'rgb')
    for number, severity in enumerate((2, 5)):
        one = CorruptedDataset(inner, corruption=name, severity=severity, **settings)
        expected = [one[i] for i in range(9)]
        found = cells.read(number, slice(2, 9))
        for image, other in zip(found, expected[2:], strict=True):
            np.testing.assert_array_equal(image, other['inputs'].permute(1, 2, 0).numpy())
        sample = cells[number * 9 + 4]
        np.testing.assert_array_equal(sample['inputs'], expected[4]['inputs'])
        assert sample['data_samples'].gt_label == expected[4]['data_samples'].gt_label
        assert (sample['data_samples'].severity, sample['data_samples'].position) == (severity, 4)


def test_files_are_bgr_whatever_their_samples_keep_of_the_path(files):
    settings = dict(corruption='frost', severity=3)
    expected = CorruptedDataset(files, **settings)[4]['inputs']
    files['pipeline'][-1]['meta_keys'] = ('domain',)
    assert CorruptedDataset(files, **settings)[4]['inputs'].equal(expected)
    cells = GeneratedCorruptionSet(files, corruptions=['frost'], severities=[3])
    scored = CorruptedImages(CleanImages(files), ['frost'], [3])
    expected = expected.permute(1, 2, 0).numpy()
    for each in (cells, scored):
        assert each.channel_order == 'bgr'
        np.testing.assert_array_equal(each.read(0, slice(4, 5))[0], expected)


def test_all_nineteen_by_default_and_labelled_generated():
    cells = DATASETS.build(dict(type='GeneratedCorruptionSet', dataset=DIGITS))
    assert [cell.corruption for cell in cells.cells[::5]] == list(CORRUPTIONS)
    data = cells.metainfo['corruptions']
    assert (data['source'], data['seed'], data['table']) == ('generated', 0, 'cifar')
    assert cells.metainfo['classes'] == tuple('0123456789')


def test_clean_images_are_read_once_if_they_are_small(monkeypatch):
    reads = []
    digits = DATASETS.build(DIGITS)
    original = type(digits).__getitem__
    monkeypatch.setattr(
        type(digits), '__getitem__', lambda self, i: reads.append(i) or original(self, i)
    )
    cells = GeneratedCorruptionSet(digits, corruptions=['fog', 'contrast'])
    reads.clear()
    for number in range(10):
        cells.read(number, slice(None))
    assert sorted(reads) == list(range(1, 9))  # the first was looked at before
    monkeypatch.setattr(generated_set, '_KEPT', 5 * 8 * 8 * 3)
    large = CleanImages(digits)
    reads.clear()
    for _ in range(3):
        large.read(0, slice(None))
    assert sorted(set(reads)) == list(range(9))
    assert len(reads) == 9 + 2 * 4  # five are kept


@pytest.mark.parametrize(
    'change, said',
    [
        (dict(seed=-1), 'seed must be'),
        (dict(table='cifr'), 'table must be'),
        (dict(corruptions=['fgo']), "did you mean 'fog'"),
        (dict(dataset={**DIGITS, 'pipeline': []}), 'inputs of NoneType'),
        (dict(dataset={**DIGITS, 'indices': 0}), 'empty'),
    ],
)
def test_wrong_settings_are_refused(change, said):
    with pytest.raises(ValueError, match=said):
        GeneratedCorruptionSet(**{'dataset': DIGITS, **change}).read(0, slice(None))


def test_images_of_several_sizes_and_labels_of_several_classes_are_refused(files):
    files['pipeline'].pop(1)
    Image.fromarray(np.zeros((9, 30, 3), np.uint8)).save(f'{files["data_root"]}/a/0.png')
    images = CleanImages(files)
    with pytest.raises(ValueError, match='several sizes'):
        images.read(0, slice(None))
    digits = DATASETS.build(DIGITS)
    digits.get_gt_labels = lambda: [[1, 2]] * 9
    with pytest.raises(ValueError, match='one label per image'):
        CleanImages(digits)


def test_a_test_set_that_is_another_each_time_is_refused():
    pipeline = [dict(type='ColorJitter', brightness=0.9), dict(type='PackInputs')]
    with pytest.raises(ValueError, match='different pixels each time that an image is read'):
        GeneratedCorruptionSet({**DIGITS, 'pipeline': pipeline})
