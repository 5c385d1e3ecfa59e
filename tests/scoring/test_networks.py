"""Networks and images of any kind: the same errors however they come."""

import copy
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import own_corruptions  # noqa: F401
import pytest
import timm
import torch
from PIL import Image
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import (
    BatchSampler,
    DataLoader,
    IterableDataset,
    Subset,
    SubsetRandomSampler,
    TensorDataset,
)

import mmct
from mmct.corruptions import OwnCorruption, corrupt, identities
from mmct.evaluation import unpack_hits
from mmct.modes import restored_layout
from mmct.runs.errors import CTError
from mmct.runs.ranks import rank_and_world_size
from mmct.scoring import TorchNetwork, as_network
from mmct.scoring.cell_sources import CorruptedImages, Images, in_order_of
from mmct.scoring.predictor import Predictor
from mmct.scoring.result_in_progress import ResultInProgress

MEAN, STD = (0.5, 0.4, 0.3), (0.2, 0.3, 0.4)
QUICK = dict(corruptions='noise', severities=[2, 5], quiet=True)


@pytest.fixture(scope='module')
def digits():
    """uint8 RGB (40, 12, 12, 3), coloured, and their classes."""
    data = load_digits()
    grey = np.pad((data.images[:40] * 15.9).astype(np.uint8), ((0, 0), (2, 2), (2, 2)))
    images = np.stack([grey, 255 - grey, grey // 2], 3)
    return np.ascontiguousarray(images), data.target[:40]


@pytest.fixture(scope='module')
def net():
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(3, 16, 3, 2), nn.BatchNorm2d(16), nn.ReLU(), nn.Flatten(), nn.Linear(400, 10)
    ).train()


def score(network, images, labels=None, **settings):
    return mmct.score(network, images, labels, **{**QUICK, **settings})


def hits(card):
    return [unpack_hits(c).tolist() for c in [card.result['clean'], *card.result['cells']]]


def test_hits_are_the_networks_image_by_image(net, digits):
    images, labels = digits
    card = score(net, images, labels, mean=MEAN, std=STD)
    assert net.training
    net.eval()
    expected = []
    for cell in [None, *((n, s) for n in mmct.corruptions.CATEGORIES['noise'] for s in (2, 5))]:
        made = images if cell is None else corrupt(images, *cell)
        scaled = (made / 255 - np.array(MEAN)) / np.array(STD)
        inputs = torch.from_numpy(scaled).float().permute(0, 3, 1, 2)
        with torch.no_grad():
            expected.append((net(inputs).argmax(1).numpy() == labels).tolist())
    net.train()
    assert hits(card) == expected
    assert 0 < card.summary['raw_mce_pct'] < 100


def as_folder(images, labels, folder):
    for number, (image, label) in enumerate(zip(images, labels, strict=True)):
        (folder / str(label)).mkdir(exist_ok=True)
        Image.fromarray(image).save(folder / str(label) / f'{number:02}.png')
    (folder / '.ipynb_checkpoints').mkdir()
    return folder


class Pairs:
    """A data set of pictures, without labels of its own."""

    def __init__(self, images, labels):
        self.items = [(Image.fromarray(i), int(n)) for i, n in zip(images, labels, strict=True)]

    def __len__(self):
        return len(self.items)

    def __getitem__(self, number):
        return self.items[number]


def test_images_may_come_in_any_form(net, digits, tmp_path):
    images, labels = digits
    settings = dict(mean=MEAN, std=STD)
    expected = hits(score(net, images, labels, **settings))
    tensor = torch.from_numpy(images).permute(0, 3, 1, 2)
    loader = DataLoader(TensorDataset(tensor, torch.from_numpy(labels)), 7, num_workers=2)
    for form in ((tensor, labels), (images, labels.tolist()), (Pairs(images, labels),), (loader,)):
        assert hits(score(net, *form, **settings)) == expected
    order = np.argsort(labels, kind='stable')
    sorted_ = hits(score(net, images[order], labels[order], **settings))
    folder = as_folder(images, labels, tmp_path)
    card = score(net, folder, **settings)
    assert hits(card) == sorted_
    assert card.result['classes'] == [str(n) for n in range(10)]
    # Resized after they are corrupted, wherever they come from.
    enlarged = [
        score(lambda x: net.eval()(x[:, :, ::2, ::2]), *form, input_size=24, **settings)
        for form in ((folder,), (images[order], labels[order]))
    ]
    assert hits(enlarged[0]) == hits(enlarged[1]) != sorted_


def test_a_network_may_be_a_function_bgr_or_of_another_size(net, digits):
    images, labels = digits
    net.eval()
    scale = [torch.tensor(v).reshape(1, 3, 1, 1) for v in (MEAN, STD)]
    expected = hits(score(net, images, labels, mean=MEAN, std=STD))

    def function(batch):
        assert batch.dtype == torch.uint8
        return net((batch.float() / 255 - scale[0]) / scale[1])

    assert hits(score(function, images, labels, normalise=False)) == expected

    def flipped(batch):
        return net(batch.flip(1))

    backwards = dict(mean=MEAN[::-1], std=STD[::-1], channel_order='bgr')
    assert hits(score(flipped, images, labels, **backwards)) == expected
    large = score(timm.create_model('test_vit', num_classes=10), images, labels, input_size=160)
    assert large.result['data']['images'] == 40


def test_what_a_function_returns_may_be_on_another_device():
    network = TorchNetwork(lambda x: torch.zeros(len(x), 10), normalise=False)
    inputs = torch.zeros(2, 3, 8, 8, device='meta')
    assert network.logits(inputs).device == inputs.device


@pytest.mark.parametrize('fails', [False, True])
def test_the_optimizer_finds_the_weights_in_its_layout(net, digits, fails, monkeypatch):
    images, labels = digits
    net = copy.deepcopy(net)
    net(torch.rand(2, 3, 12, 12)).sum().backward()
    before = [(w.detach().clone(), w.stride(), w.grad.stride()) for w in net.parameters()]
    ways = []

    class OnCuda(Predictor):
        def __init__(self, network, fp16=False, channels_last=None):
            super().__init__(network, fp16, channels_last=True)
            ways.append(net[0].weight.is_contiguous(memory_format=torch.channels_last))
            if fails:
                raise CTError('it fails')

    for module in ('cells', 'diagnosis'):
        monkeypatch.setattr(f'mmct.scoring.{module}.Predictor', OnCuda)
    try:
        mmct.diagnose(net, images, labels, **QUICK, mean=MEAN, std=STD, layers=1)
    except CTError:
        assert fails
    assert ways == ([True] if fails else [True] * 3)
    for weight, (values, *strides) in zip(net.parameters(), before, strict=True):
        assert torch.equal(weight, values)
        assert [weight.stride(), weight.grad.stride()] == strides


def test_one_process_of_several_scores_alone(net, digits, monkeypatch, tmp_path):
    images, labels = digits
    expected = hits(score(net, images, labels, mean=MEAN, std=STD))

    def others(*values, **settings):
        raise AssertionError('it waits for processes that do not score')

    monkeypatch.setattr('torch.distributed.is_initialized', lambda: True)
    monkeypatch.setattr('torch.distributed.get_rank', lambda: 1)
    monkeypatch.setattr('torch.distributed.get_world_size', lambda: 2)
    for name in ('all_reduce', 'broadcast_object_list'):
        monkeypatch.setattr(f'torch.distributed.{name}', others)
    card = score(net, images, labels, mean=MEAN, std=STD, out=tmp_path / 'card.json')
    assert hits(card) == expected and (tmp_path / 'card.json').exists()
    assert mmct.diagnose(net, images, labels, **QUICK, mean=MEAN, std=STD, layers=1).found
    assert rank_and_world_size() == (1, 2)
    synced = nn.SyncBatchNorm.convert_sync_batchnorm(copy.deepcopy(net))
    assert hits(score(synced, images, labels, mean=MEAN, std=STD)) == expected
    with pytest.raises(CTError, match='SyncBN re-estimates its statistics with all processes'):
        score(synced, images, labels, mean=MEAN, std=STD, recalibrate_bn=1)


def test_a_wrapper_of_several_processes_is_taken_off(net):
    store = torch.distributed.HashStore()
    torch.distributed.init_process_group('gloo', store=store, rank=0, world_size=1)
    try:
        wrapped = nn.parallel.DistributedDataParallel(net)
        assert as_network(wrapped, mean=MEAN, std=STD).module is net
    finally:
        torch.distributed.destroy_process_group()


def test_lazy_and_expanded_weights_are_left_alone(digits):
    images, labels = digits
    lazy = nn.Sequential(nn.LazyConv2d(4, 3), nn.Flatten(), nn.LazyLinear(10))
    assert score(lazy, images, labels, mean=MEAN, std=STD).summary['raw_mce_pct'] > 0
    conv = nn.Conv2d(3, 3, 3)
    conv.weight = nn.Parameter(torch.ones(1, 1, 3, 3).expand(3, 3, 3, 3))
    with restored_layout(conv):
        conv.to(memory_format=torch.channels_last)
    assert torch.equal(conv.weight, torch.ones(3, 3, 3, 3))


FORMS = {
    'traced': lambda net, x: torch.jit.trace(net, x),
    'frozen': lambda net, x: torch.jit.freeze(torch.jit.script(net)),
    'exported': lambda net, x: torch.export.export(
        net, (x,), dynamic_shapes=[{0: torch.export.Dim.DYNAMIC}]
    ).module(),
    'compiled': lambda net, x: torch.compile(net, backend='eager'),
    'of a class less': lambda net, x: lambda x: net(x) - torch.tensor([0] * 9 + [torch.inf]),
    'quantised': lambda net, x: torch.ao.quantization.quantize_dynamic(net, {nn.Linear}),
}


@pytest.mark.filterwarnings('ignore:.*:DeprecationWarning')
@pytest.mark.parametrize('form', FORMS.values(), ids=FORMS)
def test_a_network_may_have_any_form(net, digits, form):
    images, labels = digits
    made = form(net.eval(), torch.zeros(2, 3, 12, 12))
    settings = dict(mean=MEAN, std=STD, corruptions=['fog'], severities=[3], quiet=True)
    errors = mmct.score(made, images, labels, **settings).summary['raw_mce_pct']
    expected = mmct.score(net, images, labels, **settings).summary['raw_mce_pct']
    assert errors == pytest.approx(expected, abs=10)
    assert mmct.diagnose(made, images, labels, **settings, layers=1).found


def test_a_quick_look_becomes_part_of_a_full_run(net, digits, tmp_path):
    images, labels = digits
    calls = []
    net.eval()

    def counted(batch):
        calls.append(len(batch))
        return net(batch)

    settings = dict(mean=MEAN, std=STD, out=tmp_path / 'r.json', quiet=True)
    mmct.score(counted, images, labels, corruptions=['fog'], severities=[3], **settings)
    # Its mark, how many classes it has, what it makes of some, and of an image among others.
    looks, first = 4, len(calls)
    assert first == looks + 2
    full = mmct.score(counted, images, labels, corruptions='weather', **settings)
    # Clean images and fog 3 are known.
    assert len(calls) - first == looks + 19
    assert hits(full) == hits(
        mmct.score(counted, images, labels, corruptions='weather', mean=MEAN, std=STD, quiet=True)
    )
    before = len(calls)
    again = mmct.score(counted, images, labels, corruptions='fog', severities=[3], **settings)
    assert len(calls) - before == looks
    assert again.result == full.result
    with pytest.raises(CTError, match='not all corruptions would have the same severities'):
        mmct.score(counted, images, labels, corruptions='noise', severities=[3], **settings)


def test_a_quick_look_at_other_corruptions_becomes_part_too(net, digits, tmp_path, monkeypatch):
    settings = dict(mean=MEAN, std=STD, severities=[3], out=tmp_path / 'r.json')
    few = score(net, *digits, **{**settings, 'corruptions': ['rain', 'cifar10cbar']})
    all_ = score(net, *digits, **{**settings, 'corruptions': None})
    assert len(few.result['cells']) == 11
    cells = {cell['corruption']: cell for cell in all_.result['cells']}
    assert len(cells) == 30
    for cell in few.result['cells']:
        assert cells[cell['corruption']] == cell
    assert all_.result['data']['own'] == few.result['data']['own'] == identities(['rain'])
    assert {'c_bar', 'weather', 'own'} < set(all_.result['data']['categories'])
    # The mean is that of the benchmark, whatever else there is.
    alone = score(net, *digits, **{**settings, 'corruptions': None, 'out': None})
    assert all_.summary['raw_mce_pct'] == alone.summary['raw_mce_pct']
    # With or without the user's own, the images are the same, unless what makes them has changed.
    for other in (few, alone):
        assert len(other.compare(all_, common=True).results) == 2
    monkeypatch.setattr(OwnCorruption, 'identity', 'other')
    with pytest.raises(CTError, match='other data'):
        score(net, *digits, **{**settings, 'corruptions': ['rain']})


@pytest.mark.parametrize(
    'change, said',
    [
        (dict(mean=(0.9, 0.9, 0.9)), 'another preprocessing or network'),
        (dict(images=lambda images: images[:, ::-1].copy()), 'other data'),
        (dict(network=lambda net: Minus(*net)), 'result for another preprocessing or network, or'),
        (dict(network=lambda net: Calmer(*net)), 'result for another preprocessing or network, or'),
        (dict(network=lambda net: Rolled(*net)), 'result for another preprocessing or network, or'),
        (dict(labels=lambda labels: 9 - labels), 'other data'),
    ],
)
def test_a_result_of_other_pixels_or_another_network_is_not_gone_on_with(
    net, digits, tmp_path, change, said
):
    given = dict(network=net, images=digits[0], labels=digits[1], mean=MEAN, std=STD)
    score(**given, out=tmp_path / 'r.json')
    before = (tmp_path / 'r.json').read_bytes()
    changed = {k: v(given[k]) if callable(v) else v for k, v in change.items()}
    with pytest.raises(CTError, match=said):
        score(**{**given, **changed}, out=tmp_path / 'r.json')
    assert (tmp_path / 'r.json').read_bytes() == before


class Minus(nn.Sequential):
    """The same weights by the same names."""

    def forward(self, x):
        return -super().forward(x)


class Rolled(nn.Sequential):
    """As sure of other classes."""

    def forward(self, x):
        return super().forward(x).roll(1, 1)


class Calmer(nn.Sequential):
    """The same classes, too, but not as sure of them."""

    def forward(self, x):
        return super().forward(x) / 5


def test_a_table_of_anothers_is_not_replaced(net, digits, tmp_path):
    settings = dict(mean=MEAN, std=STD, out=tmp_path / 'r.json')
    (tmp_path / 'r.csv').write_text('mine')
    with pytest.raises(CTError, match='r.csv exists, where the table of'):
        score(net, *digits, **settings)
    assert (tmp_path / 'r.csv').read_text() == 'mine'
    score(net, *digits, **settings, replace=True)
    assert (tmp_path / 'r.csv').read_text().startswith('run,')
    score(net, *digits, **settings)


def test_pixels_are_those_of_the_colours_whatever_their_order(net, digits):
    images, labels = digits

    class Backwards(Images):
        channel_order = 'bgr'

        def read(self, cell, positions):
            return super().read(cell, positions)[..., ::-1].copy()

    marks = {
        mmct.score(net, source, mean=MEAN, std=STD, corruptions='fog', severities=3, quiet=True)
        .result['data']['pixels_sha256']
        for source in (Images(images, labels), Backwards(images, labels))
    }
    assert len(marks) == 1


def test_each_network_gets_the_channel_order_that_it_reads(net, digits):
    from mmpretrain.registry import MODELS

    images, labels = digits

    class Backwards(Images):
        channel_order = 'bgr'

        def read(self, cell, positions):
            return super().read(cell, positions)[..., ::-1].copy()

    def clean_hits(network, source, **settings):
        return hits(score(network, source, **settings))[0]

    sources = Images(images, labels), Backwards(images, labels)
    torch.manual_seed(0)
    reads_bgr = MODELS.build(
        dict(
            type='ImageClassifier',
            backbone=dict(type='ResNet_CIFAR', depth=18, stem_channels=8, base_channels=8),
            neck=dict(type='GlobalAveragePooling'),
            head=dict(type='LinearClsHead', num_classes=10, in_channels=64),
            data_preprocessor=dict(to_rgb=True, mean=[90.0, 120.0, 150.0], std=[60.0] * 3),
        )
    ).eval()
    bgr = torch.from_numpy(images[..., ::-1].copy()).permute(0, 3, 1, 2)
    with torch.no_grad():
        inputs = reads_bgr.data_preprocessor(dict(inputs=bgr), False)['inputs']
        expected = (reads_bgr(inputs).argmax(1).numpy() == labels).tolist()
    for source in sources:
        assert clean_hits(reads_bgr, source) == expected
    rgb = [clean_hits(net, source, mean=MEAN, std=STD) for source in sources]
    assert rgb[0] == rgb[1]
    # Without a flip, only its user knows from which channels it learned.
    reads_bgr.data_preprocessor.to_rgb = False
    assert as_network(reads_bgr).reads is None
    assert as_network(reads_bgr, channel_order='bgr').reads == 'bgr'
    with pytest.raises(ValueError, match='channel_order must be'):
        score(reads_bgr, sources[0], channel_order='brg')


def test_a_networks_own_size_counts_for_arrays_too(net, digits):
    images, labels = digits
    large = np.repeat(np.repeat(images, 2, 1), 2, 2)
    own = TorchNetwork(net, MEAN, STD, input_size=12)
    card = score(own, large, labels)
    assert hits(card) == hits(score(net, large, labels, mean=MEAN, std=STD, input_size=12))
    found = mmct.diagnose(own, large, labels, recalibrate_bn=1, **QUICK).found['networks'][0]
    assert found['corrupted']['value'] == pytest.approx(card.summary['raw_mce_pct'])
    with pytest.raises(CTError, match='pass mean= to TorchNetwork'):
        score(own, large, labels, mean=MEAN)


def test_what_is_not_the_same_each_time_or_not_all_is_refused(net, digits):
    images, labels = digits
    pairs = Pairs(images, labels)
    part = DataLoader(pairs, sampler=SubsetRandomSampler(range(10)))
    with pytest.raises(CTError, match='gives only 10 of 40 images'):
        score(net, part, mean=MEAN, std=STD)
    rng = np.random.default_rng(0)

    class Random(Pairs):
        def __getitem__(self, number):
            return rng.integers(0, 256, (12, 12, 3), np.uint8), 0

    class Flipped(Pairs):
        def __getitem__(self, number):
            image, label = super().__getitem__(number)
            return np.asarray(image)[:, :: rng.choice([1, -1])], label

    for kind in (Random, *[Flipped] * 9):
        with pytest.raises(CTError, match='different pixels each time'):
            score(net, kind(images, labels), mean=MEAN, std=STD)


class Hides(nn.Module):
    """Holds a network where `eval` does not reach it."""

    def __init__(self, network):
        super().__init__()
        self.hidden = [network]

    def forward(self, x):
        return self.hidden[0](x)


class Drops(nn.Sequential):
    """Drops half of the pixels in eval mode, too."""

    def forward(self, x):
        return super().forward(nn.functional.dropout(x))


@pytest.mark.parametrize(
    'change',
    [
        lambda net: Hides(copy.deepcopy(net).train()),
        lambda net: Drops(*net),
        lambda net: nn.Sequential(nn.BatchNorm2d(3, track_running_stats=False), *net),
    ],
)
def test_a_module_that_mixes_the_images_of_a_batch_is_named(net, digits, change, tmp_path):
    settings = dict(mean=MEAN, std=STD, out=tmp_path / 'r.json')
    warns = pytest.warns(UserWarning, match='depends on the other images of its batch, or is')
    network = change(net)
    with warns:
        score(network, *digits, **settings)
    # It may be random; its weights tell that it is the same.
    with warns:
        assert score(network, *digits, **settings).result['model']['top_probabilities'] is None


def test_a_network_that_adapts_itself_begins_with_the_images_to_score(net, digits):
    class Adapts(nn.Sequential):
        def forward(self, x):
            seen.append(self[0].running_mean.clone())
            self[0].train()
            return super().forward(x)

    seen = []
    network = Adapts(nn.BatchNorm2d(3), *net)
    weights = TorchNetwork(network, MEAN, STD).digest(torch.zeros(0))
    with pytest.warns(UserWarning, match='depends on the other images'):
        card = score(network, *digits, mean=MEAN, std=STD)
    assert card.result['model']['weights_sha256'] == weights
    # Two probes, and the clean images.
    first, _, clean, later = [(mean == 0).all().item() for mean in seen[:4]]
    assert first and clean and not later


def test_clean_images_are_those_that_a_set_was_made_from(net, digits):
    images, labels = digits
    settings = dict(mean=MEAN, std=STD, quiet=True)
    order = np.random.default_rng(0).permutation(40)
    cells = CorruptedImages(Images(images, labels), ['contrast'], [1])
    plain = mmct.score(net, cells, **settings)
    # Folders have them class by class, in which they are in their order.
    by_class = np.argsort(labels[order], kind='stable')
    back = order[by_class]
    cells = CorruptedImages(Images(images[back], labels[back]), ['contrast'], [1])
    cells.clean = Images(images[order], labels[order])
    card = mmct.score(net, cells, **settings)
    found = unpack_hits(card.result['clean'])
    np.testing.assert_array_equal(found, unpack_hits(plain.result['clean'])[back])
    assert card.probability_scores()['nll']['clean'] > 0
    cells.clean = Images(images[:30], labels[:30])
    with pytest.raises(CTError, match='30 clean images are not those from which the set, with 40'):
        mmct.score(net, cells, **settings)
    # Of a subset, too.
    cells.clean = Images(images[order], labels[order])
    some = mmct.score(net, cells, subset=10, **settings)
    alone = mmct.score(net, cells, subset=10, clean=False, **settings)
    assert alone.result['data'] == some.result['data']
    np.testing.assert_array_equal(unpack_hits(some.result['clean']), found[::4])


WORDS = ['zero', 'one', 'two', 'three', 'four', 'five', 'six', 'seven', 'eight', 'nine']


@pytest.mark.parametrize(
    'spell, settings',
    [(str, {}), (str.upper, {}), (str, dict(subset=20)), (str, dict(subset=['three', 'one'])),
     (str, dict(classes_by_position=True))],
    ids=['same', 'upper case', 'some', 'some classes', 'outputs by position'],
)  # fmt: skip
def test_clean_images_are_numbered_as_the_set_numbers_classes_of_their_name(
    net, digits, spell, settings
):
    images, labels = digits
    alphabet = sorted(WORDS)
    as_in_set = np.array([alphabet.index(WORDS[label]) for label in labels])
    order = np.argsort(as_in_set, kind='stable')
    clean = Images(images[order], as_in_set[order], alphabet)
    cells = Unknown(CorruptedImages(clean, ['contrast'], [1]))
    cells.clean = clean
    settings = dict(settings, mean=MEAN, std=STD, quiet=True)
    if 'classes_by_position' not in settings:
        settings['classes'] = WORDS
    expected = mmct.score(net, cells, **settings)
    right = mmct.diagnose(net, cells, layers=1, recalibrate_bn=0, **settings)
    cells.clean = Images(images, labels, list(map(spell, WORDS)))
    found = mmct.score(net, cells, **settings)
    assert found.result['clean'] == expected.result['clean']
    assert found.result['data'] == expected.result['data']
    assert found.result['examples'] == expected.result['examples']
    there = mmct.diagnose(net, cells, layers=1, recalibrate_bn=0, **settings)
    assert there.found == right.found


@pytest.mark.parametrize(
    'change, said',
    [({'three': 'drei'}, "'drei' of the clean images is one that the set does not have"),
     ({'three': 'two'}, "'two' of the clean images is one that the set has for another"),
     (dict(zip(WORDS, '0123456789', strict=True)), "class '0' of the clean images")],
    ids=['one', 'twice', 'all'],
)  # fmt: skip
def test_clean_images_of_other_classes_are_refused_unless_positions_are_meant(
    net, digits, change, said
):
    images, labels = digits
    cells = Unknown(CorruptedImages(Images(images, labels, WORDS), ['contrast'], [1]))
    cells.clean = Images(images, labels, WORDS)
    settings = dict(mean=MEAN, std=STD, quiet=True)
    expected = mmct.score(net, cells, classes_by_position=True, **settings)
    cells.clean = Images(images, labels, [change.get(word, word) for word in WORDS])
    for chosen in ({}, dict(subset=10)):
        with pytest.raises(CTError, match=said) as error:
            mmct.score(net, cells, classes=WORDS, **settings, **chosen)
        assert '--classes-by-position' in str(error.value) and '\n' not in str(error.value)
    found = mmct.score(net, cells, classes_by_position=True, **settings)
    assert found.result == expected.result


def test_folders_of_imagenet_are_its_classes_in_order():
    images, labels = np.zeros((3, 8, 8, 3), np.uint8), np.array([0, 7, 999])
    ids, words = [f'n{n:08}' for n in range(1000)], [f'word {n}' for n in range(1000)]
    for names, own in ((words, ids), (ids, words)):
        cells = CorruptedImages(Images(images, labels, names), ['contrast'], [1])
        assert in_order_of(cells, Images(images, labels, own)).labels.tolist() == labels.tolist()


def test_subsets_say_that_they_are_some(net, digits, tmp_path):
    images, labels = digits
    settings = dict(mean=MEAN, std=STD, corruptions=None, severities=None)
    tenth = score(net, images, labels, subset=4, **settings)
    assert tenth.result['data']['subset'] == '4 of 40 images'
    assert score(net, images, labels, subset=np.int64(4), **settings).result == tenth.result
    assert tenth.result['data']['source'] == 'generated'
    assert not tenth.summary['is_benchmark']
    whole = score(net, images, labels, **settings)
    assert whole.summary['is_benchmark']
    assert [h[::10] for h in hits(whole)] == hits(tenth)
    with pytest.raises(ValueError, match='not scored on the same images'):
        tenth.compare(whole)
    with pytest.raises(ValueError, match='name must be a text'):
        score(net, images, labels, name=3, **settings)
    folder = as_folder(images, labels, tmp_path)
    some = score(net, folder, subset=['3', '1'], classes=[str(n) for n in range(10)],
                 mean=MEAN, std=STD)  # fmt: skip
    assert some.result['data']['subset'] == '2 of 10 classes'
    # Of the network, the outputs of these alone.
    assert some.result['model']['outputs'] == 2
    for bad, said in ((41, 'from 1 to 40'), (True, 'from 1 to 40'), (['11'], "no class '11'")):
        with pytest.raises(CTError, match=said):
            score(net, folder, subset=bad, mean=MEAN, std=STD)


def brightness(pixels):
    """Tell four classes apart by the level of a grey image."""
    level = ((pixels.float().mean((1, 2, 3)) - 10) / 60).long().clamp(0, 3)
    return 9 * torch.eye(4)[level]


@pytest.mark.parametrize('settings', [{}, dict(classes_by_position=True), dict(classes='abcd')])
@pytest.mark.parametrize('subset', [['c', 'd'], ['b'], ['d', 'a', 'c', 'b']])
def test_chosen_classes_keep_their_outputs(settings, subset):
    labels = np.arange(8) % 4
    pixels = np.full((8, 12, 12, 3), 40, np.uint8) + (60 * labels[:, None, None, None]).astype('u1')
    images = Images(pixels, labels, list('abcd'))
    card = score(brightness, images, normalise=False, subset=subset, **settings)
    assert card.summary['clean_error_pct'] == 0
    assert card.result['model'].get('outputs', 4) == len(subset)


def test_classes_are_compared_by_name(net, digits, tmp_path):
    images, labels = digits
    folder = as_folder(images, labels, tmp_path)
    names = [str(n) for n in range(10)]
    settings = dict(mean=MEAN, std=STD)
    expected = hits(score(net, folder, classes=names, **settings))
    turned = nn.Sequential(net, nn.Linear(10, 10, bias=False))
    with torch.no_grad():
        turned[1].weight.copy_(torch.eye(10)[[*range(1, 10), 0]])
    assert hits(score(turned, folder, classes=[*names[1:], '0'], **settings)) == expected
    other = [*names[:7], 'seven', *names[8:]]
    with pytest.raises(CTError, match="class 7 of the set is '7', which the network does not know"):
        score(net, folder, classes=other, **settings)
    by_position = score(net, folder, classes=other, classes_by_position=True, **settings)
    assert hits(by_position) == expected


@pytest.mark.parametrize(
    'known', [['crane', 'crane', 'x'], ['A', 'a', 'b'], ['1', '-1', '0']], ids=str
)
def test_names_that_look_alike_are_told_apart_or_refused(net, digits, known):
    labels = np.arange(40) % 3

    class Named(Pairs):
        classes = known

    def knows(batch):
        return torch.eye(3)[torch.arange(len(batch)) % 3]

    settings = dict(normalise=False, batch_size=39)
    found = score(knows, Named(digits[0], labels), classes=known, **settings)
    assert found.summary['clean_error_pct'] == 0
    turned = known[::-1]
    if len(set(known)) == 3:

        def backwards(batch):
            return knows(batch).flip(1)

        found = score(backwards, Named(digits[0], labels), classes=turned, **settings)
        assert found.summary['clean_error_pct'] == 0
    else:
        with pytest.raises(CTError, match="'crane', which the network has 2 times: outputs 1, 2"):
            score(knows, Named(digits[0], labels), classes=turned, **settings)


def test_two_classes_never_share_an_output(net, digits):
    class Named(Pairs):
        classes = ['A', 'a']

    with pytest.raises(CTError, match="class 1 of the set is 'a', which has the output of class 0"):
        score(net, Named(digits[0], digits[1] % 2), mean=MEAN, std=STD,
              classes=['a', *map(str, range(9))])  # fmt: skip


def test_a_set_whose_files_changed_or_whose_classes_are_matched_otherwise_is_scored_anew(
    net, digits, tmp_path
):
    images, labels = digits
    names = [str(n) for n in range(10)]

    def stored(images):
        source = CorruptedImages(Images(images, labels, names), ['contrast', 'fog'], [1, 2])
        data = {**source.metainfo['corruptions'], 'set': 'released'}
        source.metainfo = {**source.metainfo, 'corruptions': data}
        return Unknown(source)

    settings = dict(mean=MEAN, std=STD, classes=[*names[1:], '0'], quiet=True)
    out = dict(settings, out=tmp_path / 'r.json')
    first = mmct.score(net, stored(images), **out)
    assert mmct.score(net, stored(images), **out).result == first.result
    with pytest.raises(CTError, match='other images of fog at severity 1'):
        mmct.score(net, stored(255 - images), **out)
    with pytest.raises(CTError, match='or other classes'):
        mmct.score(net, stored(images), **out, classes_by_position=True)
    (tmp_path / 'r.json').rename(tmp_path / 'before.json')
    before = dict(out, reference=tmp_path / 'before.json', clean=False)
    with pytest.raises(CTError, match='fog at severity 1 have other pixels'):
        mmct.score(net, stored(255 - images), **before)
    assert mmct.score(net, stored(images), **before).summary['normalised']['mce_pct'] == 100
    again = mmct.score(net, stored(255 - images), **out, replace=True)
    alone = mmct.score(net, stored(255 - images), **settings)
    assert again.result['cells'] == alone.result['cells'] != first.result['cells']
    assert len(again.result['examples']) == len(first.result['examples'])


@pytest.mark.parametrize('as_function', [False, True])
def test_clean_images_are_added_to_and_left_out_of_a_set_on_disk(
    net, digits, tmp_path, as_function
):
    images, labels = digits
    network = net.eval().forward if as_function else net

    def stored(clean, severities):
        found = Unknown(CorruptedImages(Images(images, labels), ['fog', 'contrast'], severities))
        data = {**found.metainfo['corruptions'], 'set': 'arrays'}
        found.metainfo = {**found.metainfo, 'corruptions': data}
        found.clean = clean
        return found

    clean = Images(images, labels)
    settings = dict(mean=MEAN, std=STD, quiet=True)

    def sorted_out(card):
        return {**card.result, 'examples': sorted(card.result['examples'], key=str)}

    whole = sorted_out(mmct.score(network, stored(clean, [1, 2]), name='n', **settings))
    out = dict(settings, out=tmp_path / 'r.json', name='n')
    mmct.score(network, stored(None, [2]), **out)
    assert sorted_out(mmct.score(network, stored(clean, [1, 2]), **out)) == whole
    assert sorted_out(mmct.score(network, stored(None, [1]), **out)) == whole
    with pytest.raises(CTError, match='other data'):
        mmct.score(network, stored(Images(255 - images, labels), [1]), **out)
    with pytest.raises(CTError, match='other weights' if as_function else 'preprocessing'):
        mmct.score(network, stored(None, [1]), **{**out, 'mean': (0.1, 0.9, 0.1)})


@pytest.mark.parametrize('given', ['mine', None])
def test_a_name_survives_an_interrupted_extension(net, digits, tmp_path, monkeypatch, given):
    settings = dict(mean=MEAN, std=STD, corruptions=['fog'], out=tmp_path / 'r.json')
    first = score(net, *digits, severities=[1], name=given, **settings).result['name']
    kept = ResultInProgress.add
    for severity in (2, 3):

        def stopped(self, *args):
            kept(self, *args)
            raise KeyboardInterrupt

        with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
            patch.setattr(ResultInProgress, 'add', stopped)
            score(net, *digits, severities=[severity, 4], **settings)
    found = score(net, *digits, severities=[2, 3, 4], **settings).result
    assert (found['name'], len(found['cells'])) == (first, 4)


class Unknown:
    """A set without the clean images from which it was made."""

    def __init__(self, source):
        self._source = source
        for name in ('cells', 'labels', 'channel_order', 'metainfo', 'num_images', 'read', 'close'):
            setattr(self, name, getattr(source, name))


def test_statistics_of_other_batches_are_other_scores(net, digits, tmp_path):
    settings = dict(mean=MEAN, std=STD, recalibrate_bn=1, out=tmp_path / 'r.json')
    score(net, *digits, batch_size=8, **settings)
    with pytest.raises(CTError, match='batches of another size'):
        score(net, *digits, batch_size=16, **settings)


def test_labels_are_those_that_a_data_set_gives(net, digits):
    images, labels = digits

    class Turned(Pairs):
        target_transform = staticmethod(lambda label: 9 - label)
        targets = labels.tolist()
        # As torchvision's ImageNet has them.
        classes = [(f'{n}', 'a synonym') for n in range(10)]

        def __getitem__(self, number):
            image, label = super().__getitem__(number)
            return image, self.target_transform(label)

    settings = dict(mean=MEAN, std=STD)
    card = score(net, Turned(images, labels), **settings)
    assert hits(card) == hits(score(net, images, 9 - labels, **settings))
    assert card.result['classes'][3] == '3, a synonym'
    for kind in (np.uint64, np.uint8, np.int32):
        assert hits(score(net, images, (9 - labels).astype(kind), **settings)) == hits(card)


def test_sixteen_bits_are_scored_as_their_upper_eight(net, digits, tmp_path):
    images, labels = digits
    grey = images[..., 0]
    for number, (image, label) in enumerate(zip(grey, labels, strict=True)):
        (tmp_path / str(label)).mkdir(exist_ok=True)
        wide = Image.fromarray(image.astype(np.uint16) * 257)
        wide.save(tmp_path / str(label) / f'{number:02}.png')
    order = np.argsort(labels, kind='stable')
    settings = dict(mean=MEAN, std=STD)
    expected = hits(score(net, grey[order], labels[order], **settings))
    assert hits(score(net, tmp_path, **settings)) == expected
    for path in tmp_path.glob('*/*.png'):
        Image.fromarray(grey[0].astype(np.float32)).save(path.with_suffix('.tiff'))
        path.unlink()
    with pytest.raises(OSError, match='00.tiff cannot be read: it has more than 8 bits per pixel'):
        score(net, tmp_path, **settings)


class Stream(IterableDataset):
    def __iter__(self):
        yield np.zeros((8, 8, 3), np.uint8), 0


class FromOne:
    """Two images of two classes, whose labels count from 1, or from less."""

    classes = ['a', 'b']

    def __init__(self, less=0):
        self.targets = [1 - less, 2 - 2 * less]

    def __len__(self):
        return 2

    def __getitem__(self, number):
        return np.zeros((12, 12, 3), np.uint8), self.targets[number]


def in_train_mode(pixels):
    return 99 * (pixels - pixels.mean(0)).flatten(1)[:, 60:70]


def sure_in_train_mode(pixels):
    return in_train_mode(pixels) + 99 * torch.eye(10)[0]


class Renumbered(FromOne):
    """Gives other labels than it lists."""

    classes = None

    def __getitem__(self, number):
        return super().__getitem__(number)[0], 0


CELLS = CorruptedImages(Images(np.zeros((4, 8, 8, 3), np.uint8), np.zeros(4, int)), ['fog'], [3])
OF_A_SET = dict(images=CELLS, labels=None, corruptions=None, severities=None)
BAD = {
    'labels of a folder': (dict(images='nowhere'), 'labels= is for images without labels'),
    'labels of a set': (OF_A_SET | dict(labels=[0] * 4), 'labels= is for images without labels'),
    'size of a set': (OF_A_SET | dict(size=8), 'size= is only for a folder'),
    'seed of a set': (OF_A_SET | dict(seed=1), 'a corruption set defines its corruptions'),
    'table of a set': (OF_A_SET | dict(table='cifar'), 'a corruption set defines its corruptions'),
    'other labels': (dict(images=Renumbered(), labels=None), 'label 1 for image 0, but gives 0'),
    'loader of some': (
        dict(images=DataLoader(FromOne(), batch_sampler=BatchSampler([1], 1, False)), labels=None),
        'gives only 1 of 2 images',
    ),
    'no normalisation': (dict(mean=None), 'the normalisation of pixels is unknown'),
    'floats': (dict(images=np.zeros((4, 8, 8, 3))), 'uint8'),
    'labels': (dict(labels=[1, 2]), '40 integers'),
    'labels of lists': (dict(labels=[[1], [2, 3]]), '40 integers'),
    'labels elsewhere': (dict(labels=[torch.zeros((), device='meta')] * 40), '40 integers'),
    'labels below 0': (dict(labels=-np.ones(40, int)), r'such as \[-1\]'),
    'labels in float64': (dict(labels=np.ones(40)), r'but are float64 \(40,\)'),
    'no folder': (dict(images='nowhere', labels=None), 'folder nowhere does not exist'),
    'stream': (dict(images=iter(())), 'cannot be read twice'),
    'loader of a stream': (dict(images=DataLoader(Stream()), labels=None), 'Stream cannot be read'),
    'no items': (dict(images=Subset(TensorDataset(torch.zeros(1)), []), labels=None), 'no images'),
    'labels from 1': (dict(images=FromOne(), labels=None), 'has 2 classes, but a label is 2'),
    'an empty class': (dict(images=FromOne(1), labels=None, subset=['b']), 'no images of b'),
    'no network': (dict(network=3), 'must be a module or a function, but got int'),
    'a class': (dict(network=nn.Linear), 'must be a module or a function, but got Linear'),
    'of 255': (dict(mean=(127, 127, 127)), 'divide those for pixels from 0 to 255 by 255'),
    'deviation of 0': (dict(std=(1, 0, 1)), 'std above 0'),
    'one of 255': (dict(std=(0.2, 58, 58)), 'std above 0'),
    'both ways': (dict(normalise=False), 'no effect with normalise=False'),
    'probabilities': (
        dict(network=nn.Sequential(nn.Flatten(), nn.Linear(432, 10), nn.Softmax(1))),
        'returns probabilities, but logits are needed',
    ),
    'probabilities in bfloat16': (
        dict(network=lambda x: x.flatten(1)[:, :10].bfloat16().softmax(1)),
        'returns probabilities, but logits are needed',
    ),
    'in train mode': (dict(network=in_train_mode), 'call eval'),
    'sure, in train mode': (dict(network=sure_in_train_mode), 'call eval'),
    'no weights': (dict(network=nn.Linear(432, 10, device='meta')), "on device 'meta'"),
    'typo': (dict(men=1), 'there is no argument'),
    'device': (dict(device='gpu'), "cannot be moved to device 'gpu'"),
    'device of a plugin': (dict(device='hpu'), "cannot be moved to device 'hpu'"),
    'size of pixels': (dict(size=8), 'size= is only for a folder'),
    'names': (dict(classes=['a']), '10 outputs, but 1 names'),
    'no images': (dict(images=np.zeros((0, 8, 8, 3), np.uint8), labels=[]), 'no images to score'),
    'no logits': (dict(network=lambda x: x), 'must return logits'),
    'too few outputs': (dict(network=nn.Sequential(nn.Flatten(), nn.Linear(432, 3))), '10 classes'),
    'corruption': (dict(corruptions=['fogg']), "did you mean 'fog'"),
    'ending': (dict(out='r.txt'), 'must end in .json'),
    'a file': (dict(images=__file__, labels=None), 'is a file, but a folder is needed'),
    'no severities': (dict(severities=[]), 'there are no severities'),
    **{
        f'{name} {value}': ({name: value}, f'{name} must be an integer of {least} or more')
        for least, name, value in (
            (0, 'recalibrate_bn', -1), (0, 'recalibrate_bn', 2.5), (0, 'num_workers', -1),
            (1, 'batch_size', 0), (1, 'batch_size', -1), (1, 'input_size', 0), (1, 'size', 0),
        )
    },
}


@pytest.mark.parametrize('change, said', BAD.values(), ids=BAD)
def test_what_cannot_be_scored_is_named(net, digits, change, said):
    images, labels = digits
    given = dict(network=net, images=images, labels=labels, mean=MEAN, std=STD) | change
    with pytest.raises((CTError, ValueError), match=said) as error:
        score(**given)
    assert '\n' not in str(error.value)


def test_a_scorecard_in_python(net, digits, tmp_path):
    images, labels = digits
    card = score(net, images, labels, mean=MEAN, std=STD, name='mine')
    other = score(net, images, labels, mean=(0, 0, 0), std=(1, 1, 1), name='other')
    frame = card.to_pandas()
    assert len(frame) == 7 and frame.error_pct.iloc[1:].mean() == pytest.approx(
        card.summary['raw_mce_pct']
    )
    file = card.save(tmp_path / 'mine.json')
    assert mmct.Scorecard.load(file).result['cells'] == card.result['cells']
    assert 'mine' in card._repr_html_() and '<table' in card._repr_html_()
    assert 'raw mCE' in str(card)
    difference = card.compare(other).differences[1]['raw_mce_pct']['value']
    assert difference == pytest.approx(other.summary['raw_mce_pct'] - card.summary['raw_mce_pct'])
    assert card.probability_scores()['nll']['clean'] > 0
    page = card.report(tmp_path / 'page.html', other)
    assert 'other' in page.read_text()


def test_names_that_are_no_utf8_are_written_as_their_codes(tmp_path):
    images = Images(np.zeros((4, 8, 8, 3), np.uint8), np.zeros(4, int), ['caf\udce9', 'b'])
    card = score(lambda x: -x.float().mean((2, 3))[:, :2], images, normalise=False, name='n\udce9')
    assert mmct.Scorecard.load(card.save(tmp_path / 'r.json')).result == card.result
    assert 'n\\udce9' in (tmp_path / 'r.csv').read_text()
    assert 'caf\\udce9' in card.report(tmp_path / 'page.html').read_text()


@pytest.mark.slow
def test_it_works_without_an_mm_stack(digits, tmp_path):
    np.save(tmp_path / 'images.npy', digits[0])
    np.save(tmp_path / 'labels.npy', digits[1])
    program = """
import sys
from importlib import metadata

class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.split('.')[0] in {'mmengine', 'mmpretrain', 'mmcv'}:
            raise ModuleNotFoundError(name)

sys.meta_path.insert(0, Missing())
version = metadata.version
def without(name):
    if name.removeprefix('onedl-').split('-')[0] in {'mmengine', 'mmpretrain', 'mmcv'}:
        raise metadata.PackageNotFoundError(name)
    return version(name)
metadata.version = without
from mmct.cli.main import main
sys.exit(main(['score', 'timm/test_resnet', 'images.npy', '--labels', 'labels.npy', '--weights',
    'random', '--only', 'contrast', '--severities', '1']))
"""
    done = subprocess.run(
        [sys.executable, '-c', program], cwd=tmp_path, capture_output=True, text=True,
        env={**os.environ, 'PYTHONPATH': str(Path(mmct.__file__).parents[1])},
    )  # fmt: skip
    # The network has 1,000 outputs, the labels ten classes without names.
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip().endswith('result: scorecard_timm_test_resnet.json')
    assert mmct.Scorecard.load(tmp_path / 'scorecard_timm_test_resnet.json').summary
