"""Corruptions of a user's own, wherever the 19 work."""

import json
import pickle
import subprocess
import sys

import numpy as np
import own_corruptions
import pytest
import torch
from mmpretrain.registry import DATASETS, TRANSFORMS

import mmct
from mmct.corruptions import choose_corruptions, corrupt, identities, register
from mmct.corruptions import registry as of_users
from mmct.datasets import ArrayCorruptionSet, FolderCorruptionSet
from mmct.own_functions import identity
from mmct.report import cells_to_csv, to_markdown
from mmct.runs.identity import fingerprint
from mmct.studies.cell import settings_mark


@pytest.fixture
def images():
    return np.random.default_rng(0).integers(0, 256, (12, 40, 50, 3), dtype=np.uint8)


@pytest.fixture
def other_name():
    """Registered names are forgotten after the test."""
    before = dict(of_users._KNOWN)
    yield
    of_users._KNOWN.clear()
    of_users._KNOWN.update(before)


def test_randomness_is_keyed_as_that_of_the_others(images):
    rainy = corrupt(images, 'rain', 5, seed=3)
    assert rainy.dtype == np.uint8 and (rainy != images).any((1, 2, 3)).all()
    part = corrupt(images[4:7], 'rain', 5, seed=3, indices=range(4, 7))
    np.testing.assert_array_equal(part, rainy[4:7])
    assert (corrupt(images, 'rain', 5, seed=4) != rainy).any((1, 2, 3)).all()
    np.testing.assert_array_equal(corrupt(images, 'dusk', 2), (images * 0.4).astype(np.uint8))
    assert len(corrupt(images[:0], 'rain', 1)) == 0


def test_it_is_asked_for_by_name_or_category():
    assert choose_corruptions(['light', 'rain', 'fog']) == ['fog', 'rain', 'dusk']
    with pytest.raises(ValueError, match="no corruption 'rainy': did you mean 'rain'"):
        choose_corruptions(['rainy'])


def fails(image, severity, rng):
    raise RuntimeError('no clouds')


@pytest.mark.parametrize(
    ('function', 'message'),
    [
        (fails, r"the corruption 'bad' \(.*test_registry.fails\) failed: RuntimeError: no clouds"),
        (lambda image, severity, rng: image / 255, 'must return uint8 of shape .* got float64'),
        (lambda image, severity, rng: image[:8], r'got uint8 of \(8, 50, 3\)'),
        (lambda image, severity, rng: None, 'got NoneType'),
    ],
)
def test_what_a_function_does_wrong_is_said(images, other_name, function, message):
    register('bad', function)
    with pytest.raises(ValueError, match=message):
        corrupt(images, 'bad', 1)


@pytest.mark.parametrize(
    ('settings', 'message'),
    [
        (dict(name='fog'), "the name 'fog' is taken"),
        (dict(name='../rain'), 'must be a word'),
        (dict(category='weather'), "the category 'weather' is taken"),
        (dict(severities=6), 'severities must be a number from 1 to 5, got 6'),
        (dict(function='rain'), 'must be a function, got str'),
        (dict(name='rain'), 'is registered already'),
        (dict(category='rain'), "'rain' cannot be the name of a corruption and of a category"),
        (dict(name='own'), "'own' cannot be the name of a corruption and of a category"),
    ],
)
def test_wrong_settings_are_refused(other_name, settings, message):
    with pytest.raises(ValueError, match=message):
        register(**{'name': 'storm', 'function': fails, **settings})


def test_severities_it_does_not_have_are_refused(images):
    for call in (
        lambda: corrupt(images, 'dusk', 4),
        lambda: mmct.score(torch.nn.Identity(), images, np.zeros(12, int), corruptions=['dusk'],
                           normalise=False),
        lambda: TRANSFORMS.build(dict(type='Corrupt', corruption='dusk', severity=4)),
    ):  # fmt: skip
        with pytest.raises(ValueError, match='has the severities 1 to 3'):
            call()


def test_another_process_is_given_it():
    (own,) = mmct.corruptions.own_among(['rain'])
    code = ('import pickle, sys; from mmct.corruptions import identities; '
            'pickle.load(sys.stdin.buffer); print(identities(["rain"])["rain"])')  # fmt: skip
    done = subprocess.run(
        [sys.executable, '-c', code], input=pickle.dumps(own), capture_output=True,
        env={'PYTHONPATH': ':'.join(sys.path)},
    )  # fmt: skip
    assert done.stdout.decode().strip() == identities(['rain'])['rain'], done.stderr.decode()
    assert 'own_corruptions.rain (' in identities(['rain'])['rain']


def test_scorecards_and_reports_have_it_apart_from_the_benchmark(images):
    small, labels = images[:, :32, :32], np.arange(12) % 3

    def network(x):
        return x.float().mean((2, 3))

    settings = dict(normalise=False, severities=[3], quiet=True)
    both = dict(corruptions=['rain', 'fog'], num_workers=1)
    card = mmct.score(network, small, labels, **both, **settings)
    data, summary = card.result['data'], card.summary
    assert data['own'] == identities(['rain'])
    assert data['categories']['own'] == ['rain']
    assert summary['corruption_error_pct'].keys() == {'rain', 'fog'}
    assert summary['raw_mce_pct'] == summary['corruption_error_pct']['fog']
    assert 'mean of own' in to_markdown(card.compare())
    assert 'rain,own,3' in cells_to_csv([card.result])
    alone = mmct.score(network, small, labels, corruptions=['own'], **settings)
    assert alone.summary['raw_mce_pct'] == summary['corruption_error_pct']['rain']


def test_data_sets_take_it(images):
    digits = dict(type='Digits', split='test', pipeline=[dict(type='PackInputs')])
    wrapped = DATASETS.build(
        dict(type='CorruptedDataset', dataset=digits, corruption='rain', severity=2)
    )
    cells = DATASETS.build(
        dict(type='GeneratedCorruptionSet', dataset=digits, corruptions=['rain'], severities=[2])
    )
    made = cells.read(0, slice(0, 3))
    for number in range(3):
        pixels = wrapped[number]['inputs'].permute(1, 2, 0).numpy()
        np.testing.assert_array_equal(made[number], pixels)
    assert cells.metainfo['corruptions']['own'] == identities(['rain'])


class Level:
    def __init__(self, value):
        self.value = value

    def __call__(self, image, severity, rng):
        return np.full_like(image, self.value)

    def method(self, image, severity, rng):
        return self(image, severity, rng)


def enclosing(value):
    def function(image, severity, rng):
        return np.full_like(image, value)

    return function


def with_default(value):
    def function(image, severity, rng, *, level=value):
        return np.full_like(image, level)

    return function


@pytest.mark.parametrize(
    'make',
    [enclosing, with_default, Level, lambda value: Level(value).method,
     lambda value: enclosing([value, dict(of=np.full(3, value))])],
    ids=['enclosed', 'default', 'attribute', 'method', 'array'],
)  # fmt: skip
def test_what_a_function_encloses_belongs_to_it(make):
    assert identity(make(1)) == identity(make(1)) != identity(make(2))
    assert identity(make(np.uint8)) == identity(make(np.uint8)) != identity(make(np.float32))


def test_what_a_callable_keeps_while_it_works_does_not_make_it_another(other_name):
    level = Level(1)
    register('level', level)
    before = identities(['level'])
    level.seen = 1
    assert identities(['level']) == before


def test_runs_and_scores_are_others_with_another_function(other_name):
    pipeline = [dict(type='Corrupt', corruption='rain', severity=1)]
    cfg = dict(train_dataloader=dict(dataset=dict(type='Digits', pipeline=pipeline)))
    scores = dict(type='CorruptionScore', corruptions=['own'])

    def keys():
        return json.dumps(fingerprint(cfg, {}, 1)), settings_mark(scores)

    before = keys()
    assert own_corruptions.rain.__qualname__ in before[0]
    of_users._KNOWN.pop('rain')
    register('rain', fails)
    assert not set(before) & set(keys())


def test_sets_on_disk_may_have_any_names(tmp_path):
    labels = np.arange(4) % 2
    for name in ('mist', 'rain'):
        np.save(tmp_path / f'{name}.npy', np.full((20, 8, 8, 3), 9, np.uint8))
    np.save(tmp_path / 'labels.npy', np.tile(labels, 5))
    cells = ArrayCorruptionSet(data_root=str(tmp_path))
    assert {cell.corruption for cell in cells.cells} == {'mist', 'rain'}
    kinds = cells.metainfo['corruptions']['categories']
    assert (kinds['own'], kinds['other']) == (['rain'], ['mist'])
    only = ArrayCorruptionSet(data_root=str(tmp_path), corruptions=['mist'], severities=[2])
    assert only.cells == (('mist', 2),)
    with pytest.raises(ValueError, match="no corruption 'mst': did you mean 'mist'"):
        ArrayCorruptionSet(data_root=str(tmp_path), corruptions=['mst'])


def test_folders_may_have_any_names(tmp_path):
    from PIL import Image

    for level in '12345':
        folder = tmp_path / 'far_focus' / level / 'n01440764'
        folder.mkdir(parents=True)
        Image.fromarray(np.full((8, 8, 3), int(level), np.uint8)).save(folder / 'a.png')
    cells = FolderCorruptionSet(data_root=str(tmp_path))
    assert [cell.severity for cell in cells.cells] == [1, 2, 3, 4, 5]
    assert cells.read(2, slice(0, 1))[0, 0, 0, 0] == 3


def test_an_installed_package_names_them(monkeypatch, images, other_name):
    class Point:
        def __init__(self, name, value, found=None):
            self.name, self.value, self.found = name, value, found

        def load(self):
            if self.found is None:
                raise ModuleNotFoundError("No module named 'gone'")
            return self.found

    points = [Point('dimmer', 'own:dusk', own_corruptions.dusk), Point('gone', 'gone:f')]
    monkeypatch.setattr(of_users, 'entry_points', lambda group: points)
    of_users._load_entry_points.cache_clear()
    np.testing.assert_array_equal(corrupt(images, 'dimmer', 1), corrupt(images, 'dusk', 1))
    with pytest.raises(ValueError, match="'gone' .* cannot be imported .gone:f: No module"):
        corrupt(images, 'gone', 1)
