"""AugMix's mixing against a reference written by hand, its loss against SciPy, its views."""

import math

import numpy as np
import pytest
import torch
from mmpretrain.registry import MODELS, TRANSFORMS
from mmpretrain.structures import DataSample
from PIL import Image
from scipy.special import rel_entr, softmax

from mmct.corruptions import CORRUPTIONS
from mmct.methods import AugMix, JensenShannonLoss, jensen_shannon
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
        (dict(num_views=0), 'num_views must be an integer of 1 or more, but got 0'),
        (dict(width=0), 'width must be an integer of 1'),
        (dict(depth=0), 'depth must be an integer of 1'),
        (dict(severity=11), r'severity must be in \(0.1, 10\]'),
        (dict(alpha=0), 'alpha must be positive'),
        (dict(num_views=1.5), 'num_views must be an integer of 1 or more, but got 1.5'),
        (dict(width='3'), "width must be an integer of 1 or more, but got '3'"),
        (dict(depth=float('nan')), 'depth must be an integer of 1'),
        (dict(severity='3'), r'severity must be in \(0.1, 10\]'),
    ],
)
def test_wrong_settings_are_refused(settings, message):
    with pytest.raises(ValueError, match=f'AugMix: {message}'):
        AugMix(**settings)


@pytest.mark.parametrize('image', [IMAGE / 255, IMAGE[..., 0]])
def test_another_image_is_refused(image):
    with pytest.raises(ValueError, match='AugMix needs a uint8 image .* just before PackInputs'):
        AugMix().transform(dict(img=image))


VIEWS = torch.randn(3, 5, 4, generator=torch.Generator().manual_seed(0))
LABELS = torch.tensor([0, 1, 2, 3, 0])


def by_hand(views):
    total = 0.0
    for sample in range(views.shape[1]):
        p = [softmax(view[sample].double().numpy()) for view in views]
        mean = sum(p) / len(p)
        total += sum(rel_entr(q, mean).sum() for q in p) / len(p)
    return total / views.shape[1]


@pytest.mark.parametrize('count', [1, 2, 3])
def test_the_divergence_is_scipys(count):
    value = float(jensen_shannon(VIEWS[:count]))
    assert value == pytest.approx(by_hand(VIEWS[:count]), abs=1e-6)


def test_it_is_zero_for_equal_views_and_log_v_for_disjoint_ones():
    assert float(jensen_shannon([VIEWS[0]] * 3)) == pytest.approx(0, abs=1e-6)
    certain = [1000 * torch.eye(3)[[k]] for k in range(3)]
    assert float(jensen_shannon(certain)) == pytest.approx(math.log(3), rel=1e-5)


@pytest.mark.parametrize('own', [None, dict(type='LabelSmoothLoss', label_smooth_val=0.1)])
def test_the_heads_own_loss_is_of_the_clean_view(own):
    loss = JensenShannonLoss(own, jsd_weight=12.0)
    plain = MODELS.build(own or dict(type='CrossEntropyLoss'))
    clean = plain(VIEWS[0], LABELS, avg_factor=5)
    # A head gives the number of all rows.
    value = loss(VIEWS.flatten(0, 1), LABELS, avg_factor=15)
    torch.testing.assert_close(value, clean + 12 * jensen_shannon(VIEWS))
    torch.testing.assert_close(loss(VIEWS[0], LABELS, avg_factor=5), clean)


def test_a_negative_weight_is_refused():
    for weight in (-1, float('inf'), '1'):
        with pytest.raises(ValueError, match=f'JensenShannonLoss: jsd_weight .*>= 0.*{weight}'):
            JensenShannonLoss(jsd_weight=weight)


SETTINGS = dict(mean=[1, 2, 3], std=[4, 5, 6], to_rgb=True, num_classes=3)


def both():
    return (
        MODELS.build(dict(type=f'{kind}DataPreprocessor', **SETTINGS))
        for kind in ('MultiView', 'Cls')
    )


@pytest.mark.parametrize('collated', [True, False])
def test_all_first_views_come_first(collated):
    ours, stock = both()
    views = torch.randint(0, 256, (2, 3, 3, 4, 5), dtype=torch.uint8)  # (N, V, C, H, W)
    samples = [DataSample().set_gt_label(k) for k in range(2)]
    batch = dict(inputs=views if collated else list(views), data_samples=samples)
    data = ours(batch, True)
    assert data['inputs'].shape == (6, 3, 4, 5)
    for number in range(3):
        expected = stock(dict(inputs=views[:, number]))['inputs']
        assert torch.equal(data['inputs'][2 * number : 2 * number + 2], expected)
    assert [int(sample.gt_label) for sample in data['data_samples']] == [0, 1]


@pytest.mark.parametrize('collated', [True, False])
def test_one_view_is_what_it_was(collated):
    ours, stock = both()
    images = torch.randint(0, 256, (2, 3, 4, 5), dtype=torch.uint8)
    batch = dict(inputs=images if collated else list(images))
    assert torch.equal(ours(batch)['inputs'], stock(batch)['inputs'])
