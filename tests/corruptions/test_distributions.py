"""What cannot be followed draw by draw has the reference's distribution."""

import numpy as np
import pytest
from corruption_images import make_images
from scipy import stats
from skimage.util import random_noise

from mmct.corruptions import SEVERITIES, corrupt
from mmct.corruptions.cifar import CIFAR_TABLE
from mmct.corruptions.noise import additive_channel, alias_table, poisson_channel, replacing_channel
from mmct.corruptions.tables import RANDOM

COUNT = 2000


@pytest.fixture(scope='module')
def many():
    return make_images(COUNT)


def assert_distributed_alike(images, made, expected, within=0.02):
    """The changes' sizes and spread agree, and their means, which may be next to 0."""
    count = len(images)
    one, other = (x.astype(np.int16) - images for x in (made, expected))
    size = abs(other).mean()
    assert abs(one).mean() == pytest.approx(size, rel=within)
    assert one.std() == pytest.approx(other.std(), rel=within)
    # Clouds and frost make whole images brighter or darker: a sampling error.
    error = np.hypot(*(x.mean(axis=(1, 2, 3)).std() for x in (one, other))) / np.sqrt(count)
    assert abs(one.mean() - other.mean()) < within * size + 3 * error


@pytest.mark.parametrize('severity', SEVERITIES)
def test_impulse_noise_is_scikit_images(many, severity):
    (share,) = CIFAR_TABLE['impulse_noise'][severity - 1]
    noisy = 255 * random_noise(many / 255, mode='s&p', amount=share, rng=severity)
    made = corrupt(many, 'impulse_noise', severity)
    assert_distributed_alike(many, made, noisy.astype(np.uint8))


@pytest.mark.parametrize('corruption', sorted(RANDOM))
def test_keyed_draws_are_distributed_as_the_references(many, corruption):
    # How an image is drawn is the same at all severities.
    for severity in (1, 5):
        in_order = corrupt(many, corruption, severity, rng=np.random.RandomState(severity))
        assert_distributed_alike(many, corrupt(many, corruption, severity), in_order)


@pytest.mark.parametrize('corruption', sorted(RANDOM))
def test_keyed_draws_of_large_images_are_distributed_so_too(corruption):
    # Large enough for the faster generator and the coarser draws.
    images = make_images(400, 66, 40)
    in_order = corrupt(images, corruption, 3, rng=np.random.RandomState(1), table='imagenet')
    made = corrupt(images, corruption, 3, table='imagenet')
    assert_distributed_alike(images, made, in_order, within=0.05)


@pytest.mark.parametrize(
    'channel',
    [additive_channel(np.full(256, 25.5)), poisson_channel(50), replacing_channel(0.07)],
    ids=['normal', 'poisson', 'impulse'],
)
def test_a_table_has_the_channels_probabilities(channel):
    assert channel.sum(axis=1) == pytest.approx(np.ones(256))
    table = alias_table(lambda: channel)
    share = (table >> 8) / 2**24 / 256
    made = share.copy()
    np.add.at(made, (np.arange(256)[:, None], table & 255), 1 / 256 - share)
    assert made == pytest.approx(channel, abs=1e-7)


def test_channels_by_hand():
    # A count of k photons of 50 is the level 255 k / 50, cut off: 1 is 5.
    poisson = poisson_channel(50)
    assert poisson[0, 0] == 1
    assert poisson[102, 5] == pytest.approx(stats.poisson.pmf(1, 20))
    assert poisson[255, 255] == pytest.approx(stats.poisson.sf(49, 50))
    # From level 100 to [100, 101) is the part of the normal from 0 to 1 level.
    normal = additive_channel(np.full(256, 10.0))
    assert normal[100, 100] == pytest.approx(stats.norm.cdf(0.1) - 0.5)
    assert normal[250, 255] == pytest.approx(stats.norm.sf(0.5))
    assert replacing_channel(0.1)[7, [0, 7, 255]] == pytest.approx([0.05, 0.9, 0.05])
