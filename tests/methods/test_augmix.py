"""AugMix's mixing against a reference written by hand, and its operations."""

import numpy as np
import pytest
from mmpretrain.registry import TRANSFORMS
from PIL import Image

from mmct.corruptions import CORRUPTIONS
from mmct.methods import AugMix
from mmct.methods.augmix import OPERATIONS

IMAGE = np.random.default_rng(0).integers(0, 256, (12, 10, 3), dtype=np.uint8)


def reference(image, width, depth, severity, alpha):
    """Algorithm 1 of the paper, in floating point, with the same draws."""
    shares = np.random.dirichlet([alpha] * width)
    m = np.random.beta(alpha, alpha)
    chains = np.zeros(image.shape)
    for share in shares:
        augmented = Image.fromarray(image)
        for _ in range(depth or np.random.randint(1, 4)):
            augmented = list(OPERATIONS.values())[np.random.randint(9)](augmented, severity)
        chains += share * np.asarray(augmented, float)
    return (1 - m) * image + m * chains


@pytest.mark.parametrize(
    ('width', 'depth', 'severity', 'alpha'), [(3, None, 3, 1.0), (1, 2, 10, 0.5), (5, 1, 1, 2.0)]
)
def test_the_mixing_is_the_papers(width, depth, severity, alpha):
    augmix = AugMix(width=width, depth=depth, severity=severity, alpha=alpha)
    for seed in range(5):
        np.random.seed(seed)
        expected = reference(IMAGE, width, depth, severity, alpha)
        np.random.seed(seed)
        found = augmix.transform(dict(img=IMAGE.copy()))['img']
        assert found.dtype == np.uint8
        assert np.abs(found - expected).max() <= 0.51  # rounded to levels


def test_views_are_the_image_itself_and_mixed_ones():
    np.random.seed(0)
    views = AugMix(num_views=3).transform(dict(img=IMAGE.copy()))['img']
    assert views.shape == (3, 3, 12, 10) and views.dtype == np.uint8
    assert np.array_equal(views[0], IMAGE.transpose(2, 0, 1))
    assert not np.array_equal(views[1], views[0]) and not np.array_equal(views[1], views[2])


def test_views_are_packed_as_they_are():
    pipeline = [dict(type='AugMix', num_views=2), dict(type='PackInputs')]
    results = dict(img=IMAGE, gt_label=1)
    for step in pipeline:
        results = TRANSFORMS.build(step).transform(results)
    assert results['inputs'].shape == (2, 3, 12, 10)
    assert np.array_equal(results['inputs'][0].numpy(), IMAGE.transpose(2, 0, 1))


def test_no_operation_is_a_corruption():
    assert len(OPERATIONS) == 9
    near = {*CORRUPTIONS, 'color', 'colour', 'sharpness', 'noise', 'blur'}
    assert near.isdisjoint(OPERATIONS)


@pytest.mark.parametrize('name', OPERATIONS)
def test_an_operation_is_the_same_for_both_orders_of_channels(name):
    operation = OPERATIONS[name]
    np.random.seed(3)
    rgb = np.asarray(operation(Image.fromarray(IMAGE), 3))
    np.random.seed(3)
    bgr = np.asarray(operation(Image.fromarray(IMAGE[..., ::-1].copy()), 3))
    assert rgb.shape == IMAGE.shape and np.array_equal(rgb, bgr[..., ::-1])


def test_strengths_at_the_largest_severity():
    """By hand: at severity 10 a bright image is cut to few bits, a line moves by a third."""
    found = {
        name: [np.asarray(OPERATIONS[name](Image.fromarray(IMAGE), 3)) for _ in range(200)]
        for name in ('posterize', 'solarize')
    }
    # int(level * 4 / 10) with a level below 3 is 0 or 1: 4 or 3 bits are left.
    assert {len(np.unique(image)) for image in found['posterize']} == {8, 16}
    # The threshold is above 256 - 76.8: what is darker never changes.
    dark = IMAGE < 180
    assert all(np.array_equal(image[dark], IMAGE[dark]) for image in found['solarize'])
    line = np.zeros((30, 30, 3), np.uint8)
    line[:, 15] = 255
    shifts = {
        int(np.asarray(OPERATIONS['translate_x'](Image.fromarray(line), 3))[0, :, 0].argmax()) - 15
        for _ in range(300)
    }
    # int(level * 10 / 10) with a level below 3, either way.
    assert shifts == {-2, -1, 0, 1, 2}


@pytest.mark.parametrize(
    ('settings', 'message'),
    [
        (dict(num_views=0), 'num_views must be at least 1, but got 0'),
        (dict(width=0), 'width must be at least 1'),
        (dict(depth=0), 'depth must be None or at least 1'),
        (dict(severity=11), r'severity must be in \(0.1, 10\]'),
        (dict(alpha=0), 'alpha must be positive'),
    ],
)
def test_wrong_settings_are_refused(settings, message):
    with pytest.raises(ValueError, match=f'AugMix: {message}'):
        AugMix(**settings)


@pytest.mark.parametrize('image', [IMAGE / 255, IMAGE[..., 0]])
def test_another_image_is_refused(image):
    with pytest.raises(ValueError, match='AugMix needs a uint8 image .* just before PackInputs'):
        AugMix().transform(dict(img=image))
