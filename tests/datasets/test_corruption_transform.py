"""Corruptions of a data set while it is read: as a transform and as a wrapper."""

import numpy as np
import pytest
import torch
from corruption_images import make_images
from mmengine.dataset import ConcatDataset
from mmengine.registry import init_default_scope
from mmpretrain.registry import DATASETS, TRANSFORMS
from PIL import Image
from torch.utils.data import DataLoader

import mmct  # noqa: F401
from mmct.corruptions import corrupt

FOG = dict(corruption='fog', severity=3, seed=5)


@pytest.fixture(autouse=True)
def _scope():
    init_default_scope('mmpretrain')


@pytest.fixture
def folder(tmp_path):
    """Six files, 40 x 36, of two classes."""
    for i, image in enumerate(make_images(6, 40, 36)):
        (tmp_path / 'ab'[i % 2]).mkdir(exist_ok=True)
        Image.fromarray(image).save(tmp_path / 'ab'[i % 2] / f'{i}.png')
    return tmp_path


def files(folder, *steps, wrapper=None):
    pipeline = [dict(type='LoadImageFromFile'), dict(type='CenterCrop', crop_size=32), *steps]
    keys = dict(meta_keys=('sample_idx', 'img_path', 'corruption'))
    pipeline.append(dict(type='PackInputs', **keys))
    cfg = dict(type='CustomDataset', data_prefix=str(folder), pipeline=pipeline)
    return DATASETS.build(dict(wrapper, dataset=cfg) if wrapper else cfg)


def inputs_of(dataset):
    return torch.stack([dataset[i]['inputs'] for i in range(len(dataset))]).numpy()


def expected(folder, **settings):
    """What corrupt makes of the RGB images, as BGR planes."""
    clean = inputs_of(files(folder)).transpose(0, 2, 3, 1)[..., ::-1]
    settings = {**FOG, **settings}
    made = corrupt(clean, settings['corruption'], settings['severity'], seed=settings['seed'])
    return made[..., ::-1].transpose(0, 3, 1, 2)


@pytest.mark.parametrize('corruption', ['fog', 'saturate', 'spatter', 'jpeg_compression'])
def test_transform_and_wrapper_make_the_same_images(folder, corruption):
    settings = dict(FOG, corruption=corruption)
    transform = files(folder, dict(type='Corrupt', **settings))
    wrapper = files(folder, wrapper=dict(type='CorruptedDataset', **settings))
    assert np.array_equal(inputs_of(transform), expected(folder, corruption=corruption))
    assert np.array_equal(inputs_of(wrapper), expected(folder, corruption=corruption))


def test_arrays_are_rgb_unless_told_otherwise():
    image = make_images(1)[0]
    for order, flip in ((None, 1), ('rgb', 1), ('bgr', -1)):
        transform = TRANSFORMS.build(dict(type='Corrupt', **FOG, channel_order=order))
        made = transform(dict(img=image[..., ::flip], sample_idx=4))['img'][..., ::flip]
        assert np.array_equal(made, corrupt(image[None], 'fog', 3, seed=5, indices=[4])[0])


@pytest.mark.parametrize('workers', [0, 2])
@pytest.mark.parametrize('size', [1, 4])
def test_batches_workers_and_order_do_not_matter(folder, workers, size):
    dataset = files(folder, wrapper=dict(type='CorruptedDataset', **FOG))
    whole = expected(folder)
    order = [3, 0, 5, 1, 4, 2]
    loader = DataLoader(dataset, size, sampler=order, num_workers=workers, collate_fn=list)
    made = [item['inputs'].numpy() for batch in loader for item in batch]
    assert np.array_equal(made, whole[order])


def test_the_label_says_generated(folder):
    label = dict(source='generated', corruption='fog', severity=3, seed=5, table='cifar')
    transform = files(folder, dict(type='Corrupt', **FOG))
    wrapper = files(folder, wrapper=dict(type='CorruptedDataset', **FOG))
    assert transform[0]['data_samples'].corruption == label
    assert wrapper[0]['data_samples'].corruption == label
    # The size is known only when an image is read.
    assert wrapper.metainfo['corruption'] == {**label, 'table': None}
    assert list(wrapper.metainfo['classes']) == ['a', 'b']
    assert 'generated' not in str(wrapper.dataset.metainfo)


def test_wrappers_of_wrappers_and_subsets(folder):
    clean = files(folder)
    both = ConcatDataset([clean, files(folder)])
    wrapper = DATASETS.build(dict(type='CorruptedDataset', dataset=both, **FOG))
    made = inputs_of(wrapper)
    assert np.array_equal(made[:6], expected(folder))
    # Another index, other draws.
    assert not np.array_equal(made[6:], made[:6])
    digits = dict(type='Digits', split='test', pipeline=[dict(type='PackInputs')])
    fold = dict(type='KFoldDataset', dataset=digits, num_splits=2, test_mode=True)
    fold = DATASETS.build(dict(type='CorruptedDataset', dataset=fold, **FOG))
    assert len(fold) == 225 and fold[-1]['inputs'].equal(fold[224]['inputs'])


def test_what_samplers_and_metrics_ask_for(folder):
    wrapper = files(folder, wrapper=dict(type='CorruptedDataset', **FOG))
    assert wrapper.get_gt_labels().tolist() == [0, 0, 0, 1, 1, 1]
    assert wrapper.get_cat_ids(4) == [1]
    assert wrapper.get_data_info(0)['img_path'].endswith('0.png')
    assert "corruption='fog', severity=3" in repr(wrapper)


def test_lazy_data_sets_stay_lazy(folder):
    cfg = dict(type='CustomDataset', data_prefix=str(folder), pipeline=[], lazy_init=True)
    wrapper = DATASETS.build(dict(type='CorruptedDataset', dataset=cfg, **FOG))
    assert not wrapper.dataset._fully_initialized
    wrapper.full_init()
    assert len(wrapper) == 6


def test_unpacked_results():
    cfg = dict(type='Digits', split='test')
    wrapper = DATASETS.build(dict(type='CorruptedDataset', dataset=cfg, **FOG))
    result = wrapper[7]
    clean = wrapper.dataset[7]['img']
    assert np.array_equal(result['img'], corrupt(clean[None], 'fog', 3, seed=5, indices=[7])[0])
    assert result['corruption']['source'] == 'generated'


@pytest.mark.parametrize(
    'changes, message',
    [
        (dict(corruption='fogg'), "did you mean 'fog'"),
        (dict(severity=0), 'from 1 .weak. to 5'),
        (dict(severity=6), 'from 1 .weak. to 5'),
        (dict(seed=-1), 'seed must be'),
        (dict(table='tiny'), 'table must be'),
        (dict(channel_order='gbr'), 'channel_order must be'),
    ],
)
@pytest.mark.parametrize('name', ['Corrupt', 'CorruptedDataset'])
def test_wrong_settings(name, changes, message):
    cfg = dict(type=name, **{**FOG, **changes})
    if name == 'CorruptedDataset':
        cfg['dataset'] = dict(type='Digits', split='test')
    with pytest.raises(ValueError, match=message):
        (TRANSFORMS if name == 'Corrupt' else DATASETS).build(cfg)


@pytest.mark.parametrize(
    'results, message',
    [
        (dict(sample_idx=0), 'no img'),
        (dict(img=make_images(1)[0]), 'no sample_idx'),
        (dict(img=make_images(1)[0] / 255.0, sample_idx=0), 'uint8.*before they are normalised'),
        (dict(img=make_images(1)[0, ..., 0], sample_idx=0), 'RGB.*grey'),
        (dict(img=make_images(1, 6, 6)[0], sample_idx=0), 'too small'),
    ],
)
def test_wrong_images(results, message):
    transform = TRANSFORMS.build(dict(type='Corrupt', **FOG))
    with pytest.raises(ValueError, match=message):
        transform(results)


def test_data_sets_without_images():
    class Results(list):
        pass

    for results, message in (
        ([], 'is empty'),
        ([dict(gt_label=1)], r"neither inputs nor img, only \['gt_label'\]"),
        ([dict(inputs=[torch.zeros(3, 32, 32)])], 'must be one image, but got a list'),
    ):
        with pytest.raises(ValueError, match=message):
            DATASETS.build(dict(type='CorruptedDataset', dataset=Results(results), **FOG))[0]
