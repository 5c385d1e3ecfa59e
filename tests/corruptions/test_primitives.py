"""The compiled loops and matrices against the libraries that they stand for."""

import io
import os
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from corruption_images import make_images
from PIL import Image
from scipy import ndimage, stats
from skimage.color import hsv2rgb, rgb2hsv

import mmct.corruptions
from mmct.corruptions.blur import zoom_blur
from mmct.corruptions.digital import (
    _sample,
    brightness,
    contrast,
    jpeg_compression,
    pixelate,
    saturate,
)
from mmct.corruptions.draws import _LANES, normals, uniforms, words
from mmct.corruptions.noise import through_channel
from mmct.corruptions.primitives import compiled
from mmct.corruptions.smear import line_weights, smear
from mmct.corruptions.smoothing import smooth_fields, smooth_images
from mmct.corruptions.streams import InOrder, Keyed

SIZES = [(32, 32), (24, 31), (9, 17), (20, 70)]  # the last one is large


@pytest.fixture(params=SIZES, ids=str)
def images(request):
    return make_images(3, *request.param)


def near(made, expected):
    return abs(made.astype(int) - expected.astype(int)).max() <= 1


@pytest.mark.parametrize('sigma', [0.05, 0.4, 1, 3])
def test_smoothing_is_scipys_to_the_bit(images, sigma):
    x = images / 255
    expected = ndimage.gaussian_filter(x, (0, sigma, sigma, 0), mode='nearest')
    assert np.array_equal(smooth_images(x, sigma), expected)


@pytest.mark.parametrize('mode', ['nearest', 'reflect'])
@pytest.mark.parametrize('sigma', [0, 0.7, 6.4])
def test_smoothing_of_fields_is_scipys(images, sigma, mode):
    fields = images[..., 0] / 255
    expected = ndimage.gaussian_filter(fields, (0, sigma, sigma), mode=mode, truncate=3)
    assert smooth_fields(fields, sigma, mode, truncate=3) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize('angle', [-135, -90, -44, 0, 30, 180])
def test_smearing_sums_pixels_on_a_line(images, angle):
    made = smear(images, np.full(len(images), float(angle)), line_weights(6, 2))
    weights = np.exp(-0.5 * (np.arange(13) / 2) ** 2)
    _, height, width, _ = images.shape
    expected = np.zeros(images.shape)
    for step, weight in enumerate(weights / weights.sum()):
        down = int(np.ceil(step * np.sin(np.deg2rad(angle)) - 0.5))
        right = int(np.ceil(step * np.cos(np.deg2rad(angle)) - 0.5))
        rows = np.clip(np.arange(height) + down, 0, height - 1)
        columns = np.clip(np.arange(width) + right, 0, width - 1)
        expected += weight * images[:, rows][:, :, columns]
    assert near(made, expected)


@pytest.mark.parametrize('factor', [0.95, 0.85, 0.65, 0.3])
def test_pixelation_is_pillows(images, factor):
    _, height, width, _ = images.shape
    small = (int(width * factor), int(height * factor))
    for made, image in zip(pixelate(images, factor), images, strict=True):
        expected = Image.fromarray(image).resize(small, Image.BOX)
        assert np.array_equal(made, np.asarray(expected.resize((width, height), Image.BOX)))


@pytest.mark.parametrize('quality', [80, 40])
def test_jpeg_is_pillows(images, quality):
    for made, image in zip(jpeg_compression(images, quality), images, strict=True):
        file = io.BytesIO()
        Image.fromarray(image).save(file, 'JPEG', quality=quality)
        assert near(made, np.asarray(Image.open(file)))


@pytest.mark.parametrize('factor, added', [(0.1, 0), (2.5, 0.2)])
def test_saturation_is_that_of_hsv(images, factor, added):
    hsv = rgb2hsv(images / 255)
    hsv[..., 1] = np.clip(hsv[..., 1] * factor + added, 0, 1)
    assert near(saturate(images, factor, added), hsv2rgb(hsv) * 255)


def test_brightness_is_the_value_of_hsv(images):
    hsv = rgb2hsv(images / 255)
    hsv[..., 2] = np.clip(hsv[..., 2] + 0.3, 0, 1)
    assert near(brightness(images, 0.3), hsv2rgb(hsv) * 255)


def test_contrast_shrinks_about_each_channels_mean(images):
    x = images / 255
    means = x.mean(axis=(1, 2), keepdims=True)
    assert near(contrast(images, 0.3), ((x - means) * 0.3 + means) * 255)


def test_sampling_is_scipys(images):
    x = (images / 255).astype(np.float32)
    count, height, width, channels = x.shape
    shifts = np.random.default_rng(0).normal(size=(count, 2, height, width), scale=4)
    shifts = shifts.astype(np.float32)
    rows, columns = np.mgrid[:height, :width]
    for n in range(count):
        at = rows + shifts[n, 1], columns + shifts[n, 0]
        for c in range(channels):
            expected = ndimage.map_coordinates(x[n, ..., c], at, order=1, mode='reflect')
            made = _sample(x[n:n + 1], shifts[n:n + 1])[0, ..., c]
            assert made == pytest.approx(expected, abs=1e-5)


def test_zoom_blur_is_the_mean_of_scipys_zooms(images):
    _, height, width, _ = images.shape
    factors = np.arange(1, 1.16, 0.01)
    for made, image in zip(zoom_blur(images, 1.16, 0.01), images, strict=True):
        x = image / 255
        total = x.copy()
        for factor in factors:
            h, w = int(np.ceil(height / factor)), int(np.ceil(width / factor))
            top, left = (height - h) // 2, (width - w) // 2
            middle = x[top:top + h, left:left + w]
            large = ndimage.zoom(middle, (factor, factor, 1), order=1)
            top, left = (large.shape[0] - height) // 2, (large.shape[1] - width) // 2
            total += large[top:top + height, left:left + width]
        assert near(made, total / (len(factors) + 1) * 255)


def test_words_choose_columns_and_aliases():
    # Level 1 goes to 9, of 7 a quarter to 200; the others stay.
    table = (np.full((256, 256), (1 << 24) - 1, np.uint32) << 8) | np.arange(256, dtype=np.uint32)
    table[1] = 9  # never the column, always the alias
    table[7] = (np.uint32(3 << 22) << 8) | 200
    values = np.tile(np.array([1, 7], np.uint8), 20000).reshape(1, -1)
    made = through_channel(values, InOrder(np.random.default_rng(0)), table).reshape(-1, 2)
    assert (made[:, 0] == 9).all()
    assert (made[:, 1] == 200).mean() == pytest.approx(0.25, abs=0.01)


def test_grey_is_opencvs():
    from mmct.corruptions.weather import _GREY

    x = np.random.default_rng(0).random((5, 7, 3), np.float32)
    assert cv2.transform(x, _GREY) == pytest.approx(cv2.cvtColor(x, cv2.COLOR_RGB2GRAY), abs=1e-6)


def test_compiling_works_where_nothing_can_be_kept():
    # No file, so that numba finds no folder for the machine code.
    functions = {}
    exec('def double(x):\n    return 2 * x', functions)
    assert compiled(functions['double'])(4) == 8


def test_machine_code_is_kept_outside_the_package(tmp_path):
    """Beside the source it would outlive ``pip uninstall``, and hide an editable install."""
    code = 'import numpy as np\nfrom mmct.corruptions import corrupt\n' + (
        "corrupt(np.zeros((1, 8, 8, 3), np.uint8), 'pixelate', 1)\n"
    )
    environ = {**os.environ, 'XDG_CACHE_HOME': str(tmp_path), 'NUMBA_CACHE_DIR': ''}
    package = Path(mmct.corruptions.__file__).parent
    before = set(package.rglob('*.nbc'))
    subprocess.run([sys.executable, '-c', code], check=True, env=environ, cwd=package.parents[1])
    assert list(tmp_path.glob('mmct/**/*.nbc'))
    assert set(package.rglob('*.nbc')) == before


def test_each_seed_corruption_severity_and_image_has_draws_of_its_own():
    def draws(seed=0, corruption='fog', severity=1, index=0):
        keyed = Keyed(seed, corruption, severity, np.array([index]))
        return tuple(keyed.draw(3, lambda rng: rng.random(3))[0])

    found = [draws(), draws(seed=1), draws(corruption='snow'), draws(severity=2), draws(index=1)]
    assert len(set(found)) == 5 and found[0] == draws()


def test_many_words_are_those_of_generators_side_by_side():
    states = np.random.default_rng(3).bit_generator.random_raw((3, _LANES))
    drawn = words(np.random.default_rng(3), 2**14 + 5)
    assert drawn.size == 2**14 + 5
    lanes = drawn[:2**14].view(np.uint64).reshape(-1, _LANES)
    for lane, start in enumerate(states.T):
        bits = np.random.SFC64()
        state = bits.state
        state['state']['state'][:] = (*start, 1)
        bits.state = state
        bits.random_raw(12)
        assert np.array_equal(lanes[:, lane], bits.random_raw(len(lanes)))


def test_many_numbers_have_their_distribution():
    rng = np.random.default_rng(0)
    assert stats.kstest(uniforms(rng, 10**5), 'uniform').pvalue > 0.01
    assert stats.kstest(normals(rng, 10**5, 3, 2), 'norm', (3, 2)).pvalue > 0.01
