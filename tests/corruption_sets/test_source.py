"""What a test set gives: RGB images of one label."""

import numpy as np
import pytest
from mmengine.config import Config
from PIL import Image

from mmct.corruption_sets import Source, SourceConfig
from mmct.runs import CTError

LOAD, PACK = dict(type='LoadImageFromFile'), dict(type='PackInputs')
RED = np.broadcast_to(np.uint8([255, 0, 0]), (8, 10, 3))


def folder_of(root, *names):
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(RED).save(root / name)
    return dict(type='CustomDataset', data_root=str(root), pipeline=[LOAD, PACK])


def source(dataset):
    cfg = Config(dict(test_dataloader=dict(dataset=dataset), default_scope='mmpretrain'))
    return Source(SourceConfig.of(cfg))


def test_files_come_as_rgb_without_being_packed(tmp_path):
    found = source(folder_of(tmp_path, 'a/x.png', 'b/y.JPEG', 'b/deep/z.bmp'))
    image, label = found.read(0)
    np.testing.assert_array_equal(image, RED)
    assert image.flags.c_contiguous
    assert [found.read(i)[1] for i in range(3)] == [0, 1, 1]
    assert (len(found), found.classes, found.class_folders) == (3, ['a', 'b'], ['a', 'b'])
    # A JPEG keeps its name, as in ImageNet-C, and subfolders stay.
    assert sorted(found.file_name(i) for i in range(3)) == ['deep/z.jpg', 'x.jpg', 'y.JPEG']


def test_the_pipeline_counts(tmp_path):
    dataset = folder_of(tmp_path, 'a/x.png')
    dataset['pipeline'] = [LOAD, dict(type='Resize', scale=(6, 4)), PACK]
    assert source(dataset).read(0)[0].shape == (4, 6, 3)


def test_arrays_are_taken_as_they_are():
    found = source(dict(type='Digits', split='test', pipeline=[PACK]))
    image, label = found.read(2)
    np.testing.assert_array_equal(image, found.dataset.get_data_info(2)['img'])
    assert (found.path(2), found.file_name(2), found.class_folders) == (None, '00000002.jpg', None)


def test_data_sets_inside_others(tmp_path):
    parts = [folder_of(tmp_path / name, 'a/x.png', 'b/y.png') for name in ('one', 'two')]
    found = source(dict(type='ConcatDataset', datasets=parts))
    assert [found.read(i)[1] for i in range(4)] == [0, 1, 0, 1]
    assert found.class_folders == ['a', 'b']
    folder_of(tmp_path / 'two', 'c/z.png')
    assert source(dict(type='ConcatDataset', datasets=parts[:1])).class_folders == ['a', 'b']


def test_a_damaged_image_is_not_replaced_by_another(tmp_path):
    dataset = folder_of(tmp_path, *(f'a/{i}.png' for i in range(4)))
    (tmp_path / 'a' / '2.png').write_text('no image')
    with pytest.raises(Exception, match='2.png'):
        source(dataset).read(2)


@pytest.mark.parametrize(
    'result, message',
    [
        (dict(img=RED), 'has no labels'),
        (dict(img=RED, gt_label=[0, 1]), 'more than one label per image'),
        (dict(img=RED[..., 0], gt_label=0), r'images of uint8 and shape \(8, 10\)'),
        (dict(img=RED / 255, gt_label=0), 'images of float64'),
        (dict(gt_label=0), "no image array 'img'"),
    ],
)
def test_what_cannot_be_corrupted(result, message):
    found = source(dict(type='Digits', split='test', pipeline=[PACK]))
    found.dataset = [result]
    with pytest.raises(CTError, match=message):
        found.read(0)


@pytest.mark.parametrize('cfg', [{}, dict(test_dataloader=None), dict(test_dataloader={})])
def test_a_config_without_test_set(cfg):
    with pytest.raises(CTError, match='set test_dataloader.dataset'):
        SourceConfig.of(Config(cfg))
