"""The corruptions of the C-Bar sets: their strengths, and what each must do by its nature."""

import numpy as np
import pytest
import torch
from corruption_images import make_images
from scipy import ndimage, stats

import mmct
from mmct.corruptions import (
    C_BAR,
    C_BAR_SETS,
    SEVERITIES,
    categories_with,
    choose_corruptions,
    corrupt,
    register,
)
from mmct.corruptions.c_bar import strength
from mmct.corruptions.names import TABLES
from mmct.corruptions.patterns import frequencies, spectral_noise
from mmct.corruptions.streams import Keyed
from mmct.corruptions.tables import OF_C_BAR
from mmct.corruptions.warps import refracted
from mmct.datasets import CIFAR10CBar, GeneratedCorruptionSet, ImageNetCBar

each = pytest.mark.parametrize('corruption', C_BAR)

# As the authors' tables have them.
CIFAR10 = """
blue_noise_sample 0.7 1.4 2.1 3.5 4.2
brownish_noise 2.5 4.0 5.5 6.5 7.0
checkerboard_cutout 1.0 2.0 3.0 4.0 5.0
circular_motion_blur 2.8 3.6 4.4 5.2 6.0
inverse_sparkles 1.0 1.5 2.5 4.5 5.0
lines 0.5 1.0 1.5 2.0 2.5
pinch_and_twirl 5.5 6.0 6.5 8.5 10.0
ripple 5.5 6.0 6.5 7.5 8.0
sparkles 0.7 3.5 5.6 6.3 7.0
transverse_chromatic_abberation 1.0 2.0 5.0 9.0 10.0
"""
IMAGENET = """
blue_noise_sample 0.80 1.60 2.40 4.00 5.60
brownish_noise 1.00 2.00 3.00 4.00 5.00
caustic_refraction 2.35 3.20 4.90 6.60 9.15
checkerboard_cutout 2.00 3.00 4.00 5.00 6.00
cocentric_sine_waves 3.00 5.00 8.00 9.00 10.00
inverse_sparkles 1.00 2.00 4.00 9.00 10.00
perlin_noise 4.60 5.20 5.80 7.60 8.80
plasma_noise 4.75 7.00 8.50 9.25 10.00
single_frequency_greyscale 1.00 1.50 2.00 4.50 5.00
sparkles 1.00 2.00 3.00 5.00 6.00
"""


@pytest.fixture(scope='module')
def images():
    return make_images(16)


def make(corruption, images, of, seed=0):
    """Corrupt with a strength."""
    streams = Keyed(seed, corruption, 1, np.arange(len(images)))
    return OF_C_BAR[corruption](images, streams, of)


def test_strengths_are_the_authors_and_the_readers():
    for text, table, reader in (
        (CIFAR10, 'cifar', CIFAR10CBar), (IMAGENET, 'imagenet', ImageNetCBar)
    ):  # fmt: skip
        rows = {name: words for name, *words in map(str.split, text.strip().splitlines())}
        assert set(reader.CATEGORIES['c_bar']) == set(C_BAR_SETS[reader.NAME]) == set(rows)
        for name, words in rows.items():
            found = [strength(name, severity, table) for severity in SEVERITIES]
            assert found == [float(word) for word in words]
            assert getattr(reader, 'LEVELS', rows)[name] in (words, tuple(words))
    # What a set lacks has the other set's.
    assert strength('lines', 5, 'imagenet') == 2.5
    assert strength('perlin_noise', 1, 'tiny_imagenet') == 4.6
    assert set(OF_C_BAR) == set(C_BAR)


@each
def test_an_image_is_the_same_in_any_batch(images, corruption):
    before, whole = images.copy(), corrupt(images, corruption, 3, seed=3)
    assert whole.dtype == np.uint8 and np.array_equal(images, before)
    order = np.random.default_rng(0).permutation(len(images))[:5]
    made = corrupt(images[order], corruption, 3, seed=3, indices=order)
    np.testing.assert_array_equal(made, whole[order])
    if corruption != 'circular_motion_blur':
        same = corrupt(np.repeat(images[:1], 12, axis=0), corruption, 3)
        assert len({image.tobytes() for image in same}) > 1
        assert not np.array_equal(corrupt(images, corruption, 3, seed=4), whole)


@pytest.mark.parametrize(
    ('table', 'corruption'),
    [*(('cifar', name) for name in C_BAR),
     *(('imagenet', name) for name in C_BAR_SETS['imagenetcbar'])],
)  # fmt: skip
def test_each_severity_is_further_from_the_image(images, corruption, table):
    # No ray of a sparkle is shorter than a pixel: small images have severities alike.
    images = images if table == 'cifar' else make_images(8, 96, 80)
    made = [corrupt(images, corruption, severity, table=table) for severity in SEVERITIES]
    sizes = [abs(image.astype(int) - images).mean() for image in made]
    assert sizes[0] > 0 and sizes == sorted(set(sizes))


@each
def test_images_of_any_size_are_served(corruption):
    for size in ((8, 8), (9, 24), (30, 13)):
        some = make_images(3, *size)
        made = corrupt(some, corruption, 5)
        assert made.shape == some.shape and made.dtype == np.uint8
        if corruption != 'pinch_and_twirl' or size != (8, 8):  # its disks are too small there
            assert (made != some).any((1, 2, 3)).all()


@each
def test_one_generator_goes_on_from_image_to_image(images, corruption):
    rng, again = np.random.RandomState(5), np.random.RandomState(5)
    whole = corrupt(images[:4], corruption, 2, rng=rng)
    parts = [corrupt(images[i:i + 2], corruption, 2, rng=again) for i in (0, 2)]
    assert np.array_equal(np.concatenate(parts), whole)


def test_what_hides_leaves_the_rest_alone(images):
    board = make('checkerboard_cutout', images, of=10)
    hidden = (board == 128).all(-1)
    assert np.array_equal(board[~hidden], images[~hidden])
    assert abs(hidden.mean() - 0.5) < 0.03  # every black square
    flat = make('checkerboard_cutout', np.zeros_like(images), of=10)[0, :, :, 0] == 128
    # Squares, of 3 to 8 pixels: neighbours are alike, and none is wider than a diagonal.
    assert 0.05 < (flat[1:] != flat[:-1]).mean() < 0.5
    sampled = make('blue_noise_sample', images, of=4)
    black = (sampled == 0).all(-1)
    assert np.array_equal(sampled[~black], images[~black])
    shown = make('blue_noise_sample', np.full_like(images, 9), of=4)
    assert abs((shown == 0).mean() - stats.norm.cdf(0.3 * 4 - 2.5)) < 0.02
    drawn = make('lines', images, of=1).astype(int)
    grey = images.astype(int) - 128
    assert (abs(drawn - 128) <= abs(grey)).all() and (drawn == 128).any()


@pytest.mark.parametrize('corruption', ['sparkles', 'inverse_sparkles'])
def test_sparkles_only_brighten(images, corruption):
    made = make(corruption, images, of=5)
    assert (made >= images).all() and (made > images).mean() > 0.2
    assert (make(corruption, np.full_like(images, 255), of=5) == 255).all()


@pytest.mark.parametrize(
    ('corruption', 'slope'), [('blue_noise_sample', 1), ('brownish_noise', -2)]
)
def test_noise_has_its_colour(corruption, slope):
    radius = frequencies(64, 48)
    spectrum = dict(blue_noise_sample=radius, brownish_noise=1 / (radius**2 + 1))[corruption]
    rng, power = np.random.default_rng(0), 0
    for _ in range(20):
        noise = spectral_noise(rng, spectrum)
        assert abs(noise.std() - 1) < 1e-9
        power = power + abs(np.fft.fft2(noise)) ** 2
    rows = (radius > 4) & (radius < 20)
    found = stats.linregress(np.log(radius[rows]), np.log(power[rows]) / 2).slope
    assert abs(found - slope) < 0.1


def test_patterns_stay_within_their_amplitude():
    grey = np.full((8, 32, 32, 3), 100, np.uint8)
    spread = make('brownish_noise', grey, of=2).astype(float).std((1, 2))
    assert abs(spread.mean() - 12.8) < 0.2
    for corruption, highest in (
        ('single_frequency_greyscale', 19.6 * 4), ('cocentric_sine_waves', 12.8 * 4 / 2)
    ):  # fmt: skip
        added = make(corruption, grey, of=4).astype(int) - 100
        assert (added == added[..., :1]).all()
        assert highest - 3 < abs(added).max() <= np.ceil(highest)
    swirled = make('plasma_noise', grey, of=5) - (1 - 32 / 255) * 100
    assert 30 < abs(swirled).max() <= 33 and (swirled[..., 0] != swirled[..., 2]).any()
    # No cloud is darker than a half, and where the lattice is there is none.
    clouds = make('perlin_noise', grey, of=10)
    assert clouds.min() == int(50 + 255 / 4) == clouds[0, 0, 0, 0] and clouds.max() > 125


@pytest.mark.parametrize(
    ('corruption', 'border'),
    [('pinch_and_twirl', 0), ('transverse_chromatic_abberation', 0), ('ripple', 2),
     ('circular_motion_blur', 6)],
)  # fmt: skip
def test_what_moves_pixels_leaves_an_even_image_even(corruption, border):
    even = np.full((3, 32, 32, 3), (90, 91, 200), np.uint8)
    made = make(corruption, even, of=8)
    inner = slice(border, 32 - border)
    assert np.isin(made[:, inner, inner] - even[:, inner, inner] + 1, (0, 1)).all()


def test_pinch_moves_the_disks_of_a_grid_alone(images):
    changed = (make('pinch_and_twirl', images, of=10) != images).any((0, 3))
    y, x = np.indices((32, 32))
    inside = (y < 30) & (x < 30) & (np.hypot(y % 10 - 5, x % 10 - 5) < 5)
    assert not changed[~inside].any() and changed[inside].mean() > 0.9
    assert not changed[5::10, 5::10].any()


def test_ripple_moves_by_its_amplitude():
    ramp = np.repeat(np.arange(0, 256, 4, dtype=np.uint8)[:, None], 64, 1)
    images = np.stack((ramp, ramp.T, ramp), -1)[None]
    moved = (make('ripple', images, of=10).astype(int) - images)[0, 4:-4, 4:-4] / 4
    assert 1.3 < abs(moved).max() <= 0.025 * 64 + 0.25
    # Rows are moved as wholes, and so are columns.
    assert np.ptp(moved[..., 0], axis=1).max() == 0 == np.ptp(moved[..., 1], axis=0).max()


def test_water_bends_light_by_snells_law():
    slopes = np.random.default_rng(0).normal(size=(1, 2, 6, 6))
    down, across = refracted(slopes, 1.5)[0]
    light = np.stack((down, across, np.sqrt(1 - down**2 - across**2)))
    normal = np.stack((*slopes[0], np.ones((6, 6))))
    normal /= np.linalg.norm(normal, axis=0)
    before = np.linalg.norm(np.cross(normal, (0, 0, 1), axis=0), axis=0)
    after = np.linalg.norm(np.cross(normal, light, axis=0), axis=0)
    np.testing.assert_allclose(before, 1.5 * after)
    # The three lie in one plane.
    np.testing.assert_allclose(down * normal[1], across * normal[0], atol=1e-12)
    assert not refracted(np.full((1, 2, 1, 1), 0.01)).any()


def test_turned_and_enlarged_images_are_scipys(images):
    few = images[:2]
    steps = np.linspace(-1, 1, 21)
    turned = [ndimage.rotate(few.astype(float), 9 * t, (2, 1), reshape=False) for t in steps]
    expected = np.average(turned, axis=0, weights=np.exp(-2 * steps**2))
    made = make('circular_motion_blur', few, of=6)
    assert abs(made - np.clip(expected, 0, 255).astype(int)).max() <= 1
    made = make('transverse_chromatic_abberation', few, of=4)
    for before, after in zip(few, made, strict=True):
        found = []
        for channel in range(3):
            for factor in (1, 1.1, 1.2):
                zoomed = ndimage.zoom(before[..., channel], factor, prefilter=False)
                edge = (len(zoomed) - 32) // 2
                middle = zoomed[edge:edge + 32, edge:edge + 32].astype(int)
                if abs(middle - after[..., channel]).max() <= 1:
                    found.append(factor)
        assert sorted(found) == [1, 1.1, 1.2]


def test_they_are_asked_for_by_set_category_or_name():
    assert choose_corruptions('cifar10cbar') == list(C_BAR_SETS['cifar10cbar'])
    assert set(choose_corruptions(['imagenetcbar'])) == set(C_BAR_SETS['imagenetcbar'])
    assert choose_corruptions(['c_bar']) == list(C_BAR)
    assert choose_corruptions(['ripple', 'fog']) == ['fog', 'ripple']
    assert categories_with(['lines', 'fog'])['c_bar'] == ('lines',)
    with pytest.raises(ValueError, match="did you mean 'ripple'"):
        corrupt(make_images(1), 'riple', 1)
    for setting in (dict(name='lines'), dict(name='mine', category='c_bar')):
        with pytest.raises(ValueError, match='is taken'):
            register(**dict(name='own', function=make) | setting)


@pytest.mark.parametrize('table', TABLES)
def test_the_table_that_is_asked_for_is_taken(images, table):
    few = images[:2]
    made = corrupt(few, 'sparkles', 5, table=table)
    streams = Keyed(0, 'sparkles', 5, np.arange(2))
    expected = OF_C_BAR['sparkles'](few, streams, 6 if table == 'imagenet' else 7)
    np.testing.assert_array_equal(made, expected)


def test_scores_and_generated_sets_have_them_apart_from_the_benchmark(images):
    def network(x):
        return x.float().mean((2, 3)) + torch.arange(3)

    settings = dict(normalise=False, severities=[3], quiet=True, num_workers=1)
    card = mmct.score(network, images, np.arange(16) % 3, corruptions=['ripple', 'lines', 'fog'],
                      **settings)  # fmt: skip
    data, summary = card.result['data'], card.summary
    assert data['categories']['c_bar'] == ['ripple', 'lines'] and data['source'] == 'generated'
    assert 'own' not in data
    digits = dict(type='Digits', split='test', pipeline=[dict(type='PackInputs')])
    cells = GeneratedCorruptionSet(dataset=digits, corruptions=['cifar10cbar'], severities=[2])
    assert tuple(cell.corruption for cell in cells.cells) == C_BAR_SETS['cifar10cbar']
    assert summary['raw_mce_pct'] == summary['corruption_error_pct']['fog']
