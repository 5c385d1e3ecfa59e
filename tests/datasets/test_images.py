"""The order of colour channels: files are BGR, arrays RGB."""

import numpy as np
import pytest
from mmcv.transforms import LoadImageFromFile
from mmpretrain.structures import DataSample
from PIL import Image

from mmct.corruptions.channels import reordered
from mmct.datasets.images import decoded, order_before, order_of_dataset, order_of_sample
from mmct.image_content import read_rgb

FILES = dict(type='CustomDataset', pipeline=[dict(type='mmpretrain.LoadImageFromFile')])
ARRAYS = dict(type='Digits', pipeline=[dict(type='PackInputs')])


@pytest.mark.parametrize(
    'dataset, order',
    [
        (ARRAYS, 'rgb'),
        (FILES, 'bgr'),
        (dict(FILES, pipeline=[dict(type=LoadImageFromFile)]), 'bgr'),
        (dict(type='KFoldDataset', dataset=FILES), 'bgr'),
        (dict(type='ConcatDataset', datasets=[ARRAYS, FILES]), 'bgr'),
        (dict(type='ConcatDataset', datasets=[ARRAYS]), 'rgb'),
    ],
)
def test_the_order_of_a_data_set_follows_from_what_loads_it(dataset, order):
    assert order_of_dataset(dataset) == order


@pytest.mark.parametrize(
    'sample, order',
    [
        (None, 'rgb'),
        ({}, 'rgb'),
        (dict(img_path=None), 'rgb'),
        (dict(img_path='a.png'), 'bgr'),
        (DataSample(), 'rgb'),
        (DataSample(metainfo=dict(img_path='a.png')), 'bgr'),
    ],
    ids=['none', 'nothing', 'no path', 'path', 'sample', 'sample with path'],
)
def test_the_order_of_an_image_follows_from_its_path(sample, order):
    assert order_of_sample(sample) == order


def test_images_are_viewed_in_another_order():
    image = np.arange(12).reshape(2, 2, 3)
    np.testing.assert_array_equal(reordered(image, 'bgr'), image[..., [2, 1, 0]])
    np.testing.assert_array_equal(reordered(image, 'rgb', 'bgr'), image[..., [2, 1, 0]])
    assert reordered(image, 'bgr', 'bgr') is image
    assert (order_before(dict(to_rgb=True)), order_before({})) == ('bgr', 'rgb')


@pytest.mark.parametrize('read', [read_rgb, decoded])
def test_colours_that_two_readers_see_differently_are_refused(tmp_path, read):
    colours = np.full((4, 4, 4), 128, np.uint8)
    for mode in ('RGB', 'RGBA'):
        Image.fromarray(colours).convert(mode).save(tmp_path / f'{mode}.tif')
    assert np.array(read(tmp_path / 'RGB.tif')).mean() == 128
    with pytest.raises(OSError, match='it is a TIFF with an alpha channel'):
        read(tmp_path / 'RGBA.tif')
