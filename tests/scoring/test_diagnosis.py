"""Networks that fail for a known reason."""

import json

import numpy as np
import pytest
import torch
from torch import nn

import mmct
from mmct.runs.errors import DivergedError
from mmct.scoring import TorchNetwork, reestimate_batch_norm
from mmct.scoring.cell_sources import CorruptedImages, Images
from mmct.scoring.reliance import Site, VarianceSpectrum, measure_reliance

RAW = dict(mean=(0, 0, 0), std=(1, 1, 1))
CELLS = dict(corruptions=['gaussian_noise', 'impulse_noise', 'brightness', 'contrast'],
             severities=[5])  # fmt: skip
# Of the twelve features: red, and half of green.
LOW = slice(0, 6)


@pytest.fixture(scope='module')
def images():
    """Grey images, the class is the quadrant that is brighter."""
    rng = np.random.default_rng(0)
    labels = np.arange(120) % 4
    pixels = np.full((120, 32, 32, 3), 110) + rng.integers(-8, 9, (120, 1, 1, 1))
    for image, label in zip(pixels, labels, strict=True):
        row, column = divmod(label, 2)
        image[16 * row:16 * row + 16, 16 * column:16 * column + 16] += rng.integers(20, 40)
    return pixels.astype(np.uint8), labels


class Quadrants(nn.Module):
    """The brightest quadrant wins; six of its twelve features vary little."""

    def __init__(self):
        super().__init__()
        self.pool = nn.AvgPool2d(16)
        self.norm = nn.BatchNorm2d(3)
        self.spread = nn.BatchNorm1d(12)
        self.fc = nn.Linear(12, 4, bias=False)
        # Of each colour the quadrants 0 to 3; those of green count for nothing.
        self.fc.weight.data = torch.eye(4).repeat(1, 3)
        self.fc.weight.data[:, 4:8] = 0
        self.spread.weight.data[LOW] = 0.01

    def forward(self, x):
        return self.fc(self.spread(self.norm(self.pool(x)).flatten(1)))


@pytest.fixture
def network(images):
    network = Quadrants()
    inputs = torch.from_numpy(images[0]).permute(0, 3, 1, 2) / 255
    # The outer layer sees what the inner one gives with its final statistics.
    for _ in range(2):
        reestimate_batch_norm(network, [inputs])
    return network.eval()


def diagnosed(network, images, **settings):
    found = mmct.diagnose(network, *images, **{**RAW, **CELLS, **settings}, quiet=True)
    return found, found.found['networks']


def test_shifted_statistics_are_a_mismatch(network, images, tmp_path):
    network.spread.running_mean[0] -= 100 * network.spread.running_var[0].sqrt()
    network.spread.weight.data.fill_(1)
    found, (one,) = diagnosed(network, images, layers=0, recalibrate_bn=1, out=tmp_path)
    assert one['clean']['value'] == 75  # it takes all for one class
    assert one['largest'] == ['BN statistics']
    assert one['parts']['BN statistics']['low'] > 60
    assert sum(part['value'] for part in one['parts'].values()) == pytest.approx(
        one['corrupted']['value']
    )
    dominates, helps, compared = found.sentences[one['name']]
    assert 'is a mismatch of BN statistics' in dominates
    assert helps.startswith('Re-estimating BN statistics on one unlabelled batch of each')
    assert 'with no other network' in compared
    # Files of it say the same.
    names = sorted(file.name for file in tmp_path.glob('*.json'))
    assert names == ['Quadrants.json', 'Quadrants_bn1.json']
    cards = [mmct.Scorecard.load(tmp_path / name) for name in names]
    again = cards[0].diagnose(cards[1]).found['networks'][0]
    assert again['parts'] == one['parts']


def test_a_network_that_ignores_the_low_variance_half_does_not_rely_on_it(network, images):
    network.fc.weight.data[:, LOW] = 0
    _, (one,) = diagnosed(network, images, recalibrate_bn=0)
    *_, spread, features = one['reliance']
    assert [spread['layer'], features['layer']] == ['spread', 'features']
    for place in (spread, features):
        assert place['channels'] == 12
        assert place['low'] == dict(value=0, low=0, high=0)
        assert place['high']['low'] > 50
        assert place['low_variance_share'] < 0.01


@pytest.mark.parametrize('width', [4, 7])
@pytest.mark.parametrize('scale', [1, 3])
def test_features_are_those_of_the_classifier_whatever_else_is_linear(
    network, images, width, scale
):
    expected = diagnosed(network, images, recalibrate_bn=0)[1][0]['reliance'][-1]

    class Projected(nn.Module):
        def __init__(self):
            super().__init__()
            self.network, self.projection = network, nn.Linear(4, width)

        def forward(self, x):
            logits = self.network(x)
            self.projection(logits.detach())
            return logits * scale

    # With scaled logits, its outputs are told apart by their number alone.
    found = diagnosed(Projected(), images, recalibrate_bn=0)[1][0]['reliance'][-1]
    assert (found == expected) is (scale == 1 or width == 7)


def test_without_a_linear_classifier_there_are_no_features(network, images):
    class Gated(nn.Module):
        def __init__(self):
            super().__init__()
            self.network, self.gate = network, nn.Linear(3, 3)
            self.head = nn.Conv2d(4, 4, 1)

        def forward(self, x):
            gate = self.gate(x.mean((2, 3)))[..., None, None].sigmoid()
            found = self.network.spread(self.network.norm(self.network.pool(x * gate)).flatten(1))
            return self.head(found[:, :4, None, None]).flatten(1)

    _, (one,) = diagnosed(Gated(), images, recalibrate_bn=0)
    assert 'features' not in {place['layer'] for place in one['reliance']}


def test_what_looks_at_the_low_variance_half_alone_relies_on_it(network, images):
    other = torch.ones(12, dtype=bool)
    other[LOW] = False
    network.fc.weight.data[:, other] = 0
    _, (one,) = diagnosed(network, images, recalibrate_bn=0)
    assert one['reliance'][-1]['high'] == dict(value=0, low=0, high=0)
    assert one['reliance'][-1]['low']['low'] > 20


class ChannelsFirst(nn.LayerNorm):
    """As in ConvNeXt."""

    def forward(self, x):
        return super().forward(x.movedim(1, -1)).movedim(-1, 1)


@pytest.mark.parametrize(
    ('layer', 'shape', 'axes'),
    [
        (ChannelsFirst(6), (2, 6, 6, 6), (0, 2, 3)),
        (ChannelsFirst(6), (2, 6, 4, 5), (0, 2, 3)),
        (nn.LayerNorm(6), (2, 6, 6, 6), (0, 1, 2)),
        (nn.LayerNorm(6, elementwise_affine=False), (2, 6, 6, 6), (0, 1, 2)),
        (nn.LayerNorm(6), (2, 6, 6), (0, 1)),
        (nn.LayerNorm((4, 6, 6)), (2, 4, 6, 6), (0, 2, 3)),
    ],
)
def test_the_channels_of_a_layer_norm_are_found_also_among_as_many_columns(layer, shape, axes):
    inputs = torch.randn(shape, generator=torch.Generator().manual_seed(0))
    with torch.no_grad(), VarianceSpectrum(dict(norm=Site(layer))) as spectrum:
        output = layer(inputs)
    means, variances = spectrum.moments('norm')
    torch.testing.assert_close(means.float(), output.mean(axes))
    torch.testing.assert_close(variances.float(), output.var(axes, unbiased=False))


@pytest.mark.parametrize('hide', [lambda network: lambda x: network(x), torch.jit.script])
def test_whether_a_function_or_a_script_has_bn_is_not_known(network, images, hide):
    found, (one,) = diagnosed(hide(network), images, layers=0)
    assert one['has_bn'] is None
    assert 'was not measured' in found.sentences[one['name']][1]


class FailsInNoise(nn.Module):
    """Right, unless neighbouring pixels differ much."""

    def forward(self, x):
        means = nn.functional.avg_pool2d(x, 16).mean(1).flatten(1)
        rough = x.diff(dim=3).abs().mean((1, 2, 3)) > 0.03
        return torch.where(rough[:, None], torch.tensor([9.0, 0, 0, 0]), 20 * means)


def test_noise_alone_and_a_rival(network, images):
    both = dict(noisy=FailsInNoise(), robust=network)
    found, (noisy, robust) = diagnosed(both, images, layers=0, baseline='robust', recalibrate_bn=0)
    assert noisy['clean']['value'] == 0
    assert noisy['largest'] == ['noise']
    assert noisy['has_bn'] is False
    assert noisy['parts']['noise']['value'] == noisy['corrupted']['value']
    assert robust['against'] is None
    assert noisy['against']['categories']['weather']['value'] == 0
    dominates, helps, compared = found.sentences['noisy']
    assert 'is what noise adds' in dominates
    assert helps.startswith('Full robustness to noise')
    assert 'Compared with robust on the same 120 images' in compared
    assert 'higher in noise' in compared
    assert 'no significant difference in weather' in compared
    assert found.sentences['robust'][1].startswith('Whether other BN statistics would help was not')


def test_what_noise_adds_to_other_statistics_is_said_of_these(images):
    network = nn.Sequential(FailsInNoise(), nn.BatchNorm1d(4))
    found, (one,) = diagnosed(network, images, layers=0, corruptions=['noise'], recalibrate_bn=9)
    helps = found.sentences[one['name']][1]
    assert one['largest'] == ['noise']
    assert '; with these statistics full robustness to noise would remove' in helps


def test_it_is_shown_and_saved(network, images, tmp_path):
    found, _ = diagnosed(network, images, recalibrate_bn=1, severities=[1])
    assert json.loads(found.save(tmp_path / 'why.json').read_text()) == found.found
    for text in (str(found), found._repr_html_()):
        assert 'mismatch of BN statistics' in text
        assert 'features, low-variance half' in text


def test_the_same_weights_are_diagnosed_with_two_normalisations(network, images):
    both = {
        name: TorchNetwork(network, mean=(mean, 0, 0), std=(1, 1, 1))
        for name, mean in dict(a=0, b=0.5).items()
    }
    cells = dict(CELLS, layers=0, recalibrate_bn=1, quiet=True)
    found = mmct.diagnose(both, *images, **cells).found['networks']
    alone = [mmct.diagnose({n: each}, *images, **cells).found['networks'][0]
             for n, each in both.items()]  # fmt: skip
    assert [one['parts'] for one in found] == [one['parts'] for one in alone]


def test_a_network_may_have_two_names(network, images):
    found = mmct.diagnose({'a': network, 'b': network}, *images, **CELLS, **RAW, quiet=True,
                          layers=0).found  # fmt: skip
    assert [one['name'] for one in found['networks']] == ['a', 'b']
    assert len({one['parts']['BN statistics']['value'] for one in found['networks']}) == 1


def test_wrong_settings_are_refused(network, images):
    with pytest.raises(ValueError, match="baseline must be one of a, b, but got 'c'"):
        diagnosed(dict(a=network, b=network), images, baseline='c')
    with pytest.raises(mmct.runs.errors.CTError, match='give the same file names'):
        diagnosed({'a/b': network, 'a b': network}, images)


@pytest.mark.parametrize('names, batches, refused', [
    (['a', 'a_bn10'], 10, True), (['a_bn10', 'a'], 10, True), (['a b', 'a/b_bn3'], 3, True),
    (['a', 'a_bn10'], 0, False), (['a', 'a_bn10'], 3, False),
])  # fmt: skip
def test_no_two_results_have_a_file(network, images, tmp_path, names, batches, refused):
    settings = dict(layers=0, recalibrate_bn=batches, severities=[1], corruptions=['fog'])
    several = {
        name: TorchNetwork(network, mean=(mean, 0, 0), std=(1, 1, 1))
        for name, mean in zip(names, (0, 0.5), strict=True)
    }
    if refused:
        with pytest.raises(mmct.runs.errors.CTError, match='give the same file names'):
            mmct.diagnose(several, *images, out=tmp_path, **settings)
        assert not list(tmp_path.iterdir())
        return
    mmct.diagnose(several, *images, out=tmp_path, quiet=True, **settings)
    assert len(list(tmp_path.glob('*.json'))) == len(names) * (2 if batches else 1)


@pytest.mark.parametrize('change, said', [
    (dict(clean=False), 'needs the clean error'),
    (dict(stored=True), 'needs the clean error'),
    (dict(network={}), 'there is no network'),
    (dict(recalibrate_bn=-1), 'recalibrate_bn must be an integer of 0 or more'),
    (dict(recalibrate_bn=2.5), 'recalibrate_bn must be an integer of 0 or more'),
    (dict(layers=-1), 'layers must be an integer of 0 or more'),
    (dict(reliance_images=0), 'reliance_images must be an integer of 1 or more'),
    (dict(out=__file__), 'is a file, but a folder is needed'),
])  # fmt: skip
def test_what_cannot_be_diagnosed_is_refused_before_anything_is_scored(images, change, said):
    def unused(inputs):
        raise AssertionError

    settings = dict(CELLS, network=unused, images=images[0], labels=images[1], **RAW) | change
    if settings.pop('stored', False):
        cells = CorruptedImages(Images(*images), ['fog'], [1])
        del cells.clean
        settings |= dict(images=cells, labels=None, corruptions=None, severities=None)
    with pytest.raises((mmct.runs.errors.CTError, ValueError), match=said):
        mmct.diagnose(**settings)


def test_the_reliance_of_a_network_that_has_diverged_is_not_measured(network, images):
    network.fc.weight.data[0, 0] = float('nan')
    inputs = torch.from_numpy(images[0]).permute(0, 3, 1, 2) / 255
    with pytest.raises(DivergedError, match='no finite scores for some images'):
        measure_reliance(
            network, {}, lambda: [inputs], lambda: [inputs], torch.from_numpy(images[1])
        )
