"""ImageNet-C's severities against imagecorruptions-imaug, given the same draws."""

import imagecorruptions
import imagecorruptions.corruptions as library
import numpy as np
import pytest
from corruption_images import make_images
from PIL import Image
from skimage.util import random_noise

from mmct.corruptions import CORRUPTIONS, SEVERITIES, corrupt
from mmct.corruptions.imagenet import IMAGENET_TABLE

# Its draws are scikit-image's own.
FOLLOWED = [name for name in CORRUPTIONS if name != 'impulse_noise']


@pytest.fixture(autouse=True)
def uncompiled(monkeypatch):
    """Compiled by numba, glass blur draws from numba's generator and takes seconds."""
    name = '_shuffle_pixels_njit_glass_blur'
    monkeypatch.setattr(library, name, getattr(library, name).py_func)


def make_image(height, width):
    """Photograph-like, with even parts of full white and of a grey: there last bits decide."""
    image = make_images(1, height, width)[0]
    image[height // 3:height // 2, : width // 3] = 255
    image[height // 2:, : width // 4] = 13
    return image


@pytest.fixture
def by_library():
    """Get the library's image, and a number that it would draw next."""
    before = np.random.get_state()

    def make(image, corruption, severity, seed):
        np.random.seed(seed)
        own = dict(seed=seed) if corruption == 'glass_blur' else {}
        made = imagecorruptions.corrupt(image, severity, corruption, **own)
        return made, np.random.random_sample()

    yield make
    np.random.set_state(before)


def assert_alike(made, expected):
    difference = abs(made.astype(int) - expected)
    assert difference.max() <= 1
    assert difference.mean() < 0.005


@pytest.mark.parametrize('corruption', FOLLOWED)
@pytest.mark.parametrize('size', [(48, 80), (33, 32)], ids=str)
def test_each_severity_is_the_librarys(corruption, size, by_library):
    image = make_image(*size)
    for severity in SEVERITIES:
        rng = np.random.RandomState(severity)
        made = corrupt(image[None], corruption, severity, rng=rng, table='imagenet')[0]
        expected, next_draw = by_library(image, corruption, severity, severity)
        assert_alike(made, expected)
        assert rng.random_sample() == next_draw


@pytest.mark.parametrize(
    'corruption, size',
    [(name, (224, 224)) for name in ('frost', 'fog', 'snow', 'pixelate', 'gaussian_blur')]
    + [('frost', (40, 1000)), ('frost', (700, 400)), ('elastic_transform', (33, 500))]
    + [('motion_blur', (32, 300)), ('zoom_blur', (150, 34))],
)
def test_other_sizes(corruption, size, by_library):
    image = make_image(*size)
    rng = np.random.RandomState(4)
    made = corrupt(image[None], corruption, 4, rng=rng, table='imagenet')[0]
    assert_alike(made, by_library(image, corruption, 4, 4)[0])


def test_impulse_noise_has_the_librarys_distribution():
    images = make_images(400, 40, 48)
    (share,) = IMAGENET_TABLE['impulse_noise'][4]
    noisy = (255 * random_noise(images / 255, mode='s&p', amount=share, rng=0)).astype(np.uint8)
    made = corrupt(images, 'impulse_noise', 5, table='imagenet')
    for level in (0, 255):
        assert (made == level).mean() == pytest.approx((noisy == level).mean(), abs=0.003)


def test_pixelation_of_odd_sizes_is_pillows():
    rng = np.random.default_rng(0)
    # Ties of rounding lie elsewhere at each size.
    for height, width in rng.integers(32, 200, (40, 2)):
        image = rng.integers(0, 256, (height, 2 * width, 3)).astype(np.uint8)
        for severity, (factor,) in enumerate(IMAGENET_TABLE['pixelate'], 1):
            size = int(2 * width * factor), int(height * factor)
            small = Image.fromarray(image).resize(size, Image.BOX)
            expected = np.asarray(small.resize((2 * width, height), Image.NEAREST))
            made = corrupt(image[None], 'pixelate', severity, table='imagenet')[0]
            assert abs(made.astype(int) - expected).max() <= 1
