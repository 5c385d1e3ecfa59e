"""Batches, keys, tables, and what is refused."""

import ast
import subprocess
import sys
from pathlib import Path

import imagecorruptions
import numpy as np
import pytest
from corruption_images import make_images

import mmct.corruptions
from mmct.corruptions import BENCHMARK, CORRUPTIONS, EXTRA, SEVERITIES, choose_table, corrupt
from mmct.corruptions.names import TABLES
from mmct.corruptions.tables import DETERMINISTIC, RANDOM, SEVERITY_TABLES

everything = pytest.mark.parametrize('corruption', CORRUPTIONS)


@pytest.fixture
def images():
    return make_images(6)


def test_names_tables_and_functions_agree():
    assert len(BENCHMARK) == 15 and len(EXTRA) == 4
    assert set(CORRUPTIONS) == {*RANDOM, *DETERMINISTIC}
    assert set(CORRUPTIONS) == set(imagecorruptions.get_corruption_names('all'))
    assert set(SEVERITY_TABLES) == set(TABLES)
    for table in SEVERITY_TABLES.values():
        assert set(table) == set(CORRUPTIONS)
        assert all(len(rows) == 5 for rows in table.values())


@everything
def test_an_image_is_the_same_in_any_batch(images, corruption):
    # More images than are worked on at a time.
    many = np.tile(images, (9, 1, 1, 1))
    whole = corrupt(many, corruption, 4, seed=3)
    order = np.random.default_rng(0).permutation(len(many))
    assert np.array_equal(corrupt(many[order], corruption, 4, seed=3, indices=order), whole[order])
    alone = corrupt(many[50:51], corruption, 4, seed=3, indices=[50])
    assert np.array_equal(alone[0], whole[50])


@everything
def test_each_severity_is_its_own_and_the_images_stay(images, corruption):
    before = images.copy()
    sizes = [abs(corrupt(images, corruption, s).astype(int) - images).mean() for s in SEVERITIES]
    assert np.array_equal(images, before)
    assert min(sizes) > 0 and len(set(sizes)) == 5


@pytest.mark.parametrize('corruption', sorted(RANDOM))
def test_each_part_of_the_key_changes_the_draws(corruption):
    same = np.repeat(make_images(1), 8, axis=0)
    made = corrupt(same, corruption, 3)
    assert len({image.tobytes() for image in made}) > 1
    assert not np.array_equal(made, corrupt(same, corruption, 3, seed=1))
    assert not np.array_equal(made, corrupt(same, corruption, 3, seed=2**32))
    assert not np.array_equal(made, corrupt(same, corruption, 3, indices=range(8, 16)))
    assert np.array_equal(made, corrupt(same, corruption, 3, indices=range(8)))


def test_corruptions_do_not_share_draws():
    grey = np.full((1, 32, 32, 3), 128, np.uint8)
    gaussian, speckle = (corrupt(grey, name, 5) for name in ('gaussian_noise', 'speckle_noise'))
    a, b = (x.astype(float).reshape(-1) for x in (gaussian, speckle))
    assert abs(np.corrcoef(a, b)[0, 1]) < 0.1


@everything
def test_one_generator_goes_on_from_image_to_image(images, corruption):
    rng, again = np.random.RandomState(5), np.random.RandomState(5)
    whole = corrupt(images, corruption, 2, rng=rng)
    parts = [corrupt(images[i:i + 2], corruption, 2, rng=again) for i in (0, 2, 4)]
    assert np.array_equal(np.concatenate(parts), whole)


@everything
def test_a_numpy_generator_serves_too(images, corruption):
    rng = np.random.default_rng(0)
    assert corrupt(images, corruption, 1, rng=rng).shape == images.shape


@pytest.mark.parametrize('size', [(8, 8), (8, 13), (32, 20), (9, 31)], ids=str)
def test_small_and_oblong_images(size):
    small = make_images(2, *size)
    for corruption in CORRUPTIONS:
        for severity in SEVERITIES:
            assert corrupt(small, corruption, severity).shape == small.shape


def test_views_and_black_images():
    images = make_images(4)
    for corruption in CORRUPTIONS:
        view = corrupt(images[::2, :, ::-1], corruption, 3)
        assert np.array_equal(view, corrupt(images[::2, :, ::-1].copy(), corruption, 3))
        corrupt(np.zeros_like(images), corruption, 3)
    assert not corrupt(np.zeros_like(images), 'speckle_noise', 5).any()


@everything
@pytest.mark.parametrize('size', [(40, 40), (70, 48)], ids=str)
@pytest.mark.parametrize('table', ['tiny_imagenet', 'imagenet'])
def test_larger_images_are_keyed(corruption, size, table):
    images = make_images(2, *size)
    whole = corrupt(images, corruption, 3, table=table)
    again = corrupt(images[1:], corruption, 3, table=table, indices=[1])
    assert np.array_equal(again[0], whole[1])
    assert corruption in DETERMINISTIC or not np.array_equal(
        whole, corrupt(images, corruption, 3, table=table, indices=[2, 3])
    )


@pytest.mark.parametrize(
    'size, given, table',
    [
        ((32, 32), None, 'cifar'),
        ((8, 20), None, 'cifar'),
        ((128, 500), None, 'imagenet'),
        ((33, 20), None, 'tiny_imagenet'),
        ((64, 64), None, 'tiny_imagenet'),
        ((127, 500), None, 'tiny_imagenet'),
        ((64, 64), 'cifar', 'cifar'),
        ((64, 64), 'imagenet', 'imagenet'),
        ((32, 32), 'imagenet', 'imagenet'),
    ],
)
def test_the_table_is_chosen_by_size(size, given, table):
    assert choose_table(given, *size) == table


@pytest.mark.parametrize(
    'changes, message',
    [
        (dict(corruption='gausian_noise'), "did you mean 'gaussian_noise'"),
        (dict(corruption='qqq'), 'choose from gaussian_noise, shot_noise'),
        (dict(severity=0), 'from 1 .weak. to 5 .strong., got 0'),
        (dict(severity=6), 'got 6'),
        (dict(severity=2.5), 'got 2.5'),
        (dict(severity=True), 'got True'),
        (dict(images=np.zeros((2, 32, 32, 3), np.float32)), 'uint8.*float32.*normalised'),
        (dict(images=np.zeros((2, 32, 32), np.uint8)), 'RGB.*grey images three times'),
        (dict(images=np.zeros((2, 32, 32, 1), np.uint8)), r'RGB.*\(2, 32, 32, 1\)'),
        (dict(images=[[1]]), 'NumPy array, got list'),
        (dict(images=np.zeros((2, 7, 32, 3), np.uint8)), "7 x 32 px are too small.*8 px"),
        (dict(images=np.zeros((2, 7, 200, 3), np.uint8)), 'too small'),
        (dict(images=np.zeros((2, 31, 31, 3), np.uint8), table='imagenet'), 'too small'),
        (dict(table='cifar10'), "table must be 'cifar', 'tiny_imagenet', 'imagenet' or None"),
        (dict(seed=-1), 'seed must be an integer from 0'),
        (dict(seed=0.5), 'seed must be an integer from 0'),
        (dict(indices=[0]), 'indices must be 2 integers'),
        (dict(indices=[0, -1]), 'indices must be 2 integers'),
        (dict(indices=[0.0, 1.0]), 'indices must be 2 integers'),
        (dict(rng=0), 'rng must be a numpy RandomState or Generator, got int'),
    ],
)
def test_bad_input_is_refused(changes, message):
    given = dict(images=make_images(2), corruption='fog', severity=1)
    with pytest.raises(ValueError, match=message):
        corrupt(**{**given, **changes})


@pytest.mark.parametrize('table', TABLES)
@pytest.mark.parametrize('size', [(64, 64), (96, 96), (33, 700), (700, 40)], ids=str)
def test_textures_of_frost_grow_with_the_images(size, table):
    black = np.zeros((3, *size, 3), np.uint8)
    made = corrupt(black, 'frost', 1, table=table)
    assert len({image.tobytes() for image in made}) > 1
    # No part of an image is without a texture.
    assert all(part.any() for part in np.array_split(made, 7, axis=1 + (size[1] > size[0])))


def test_no_images_are_no_images():
    none = np.zeros((0, 32, 32, 3), np.uint8)
    assert all(corrupt(none, name, 1).shape == none.shape for name in CORRUPTIONS)


def test_imports_neither_torch_nor_anything_else_of_ours():
    files = list(Path(mmct.corruptions.__file__).parent.glob('*.py'))
    assert len(files) > 9
    known = {*sys.stdlib_module_names, 'cv2', 'numba', 'numpy', 'scipy'}
    # Single files, which import the standard library alone.
    below = {'mmct.messages', 'mmct.own_functions', 'mmct.paths'}
    for file in files:
        for node in ast.walk(ast.parse(file.read_text(encoding='utf-8'))):
            if isinstance(node, ast.Import):
                assert {alias.name.split('.')[0] for alias in node.names} <= known
            if isinstance(node, ast.ImportFrom) and node.module not in below:
                assert node.level == 1 or node.module.split('.')[0] in known


def test_heavy_libraries_are_imported_when_something_is_corrupted():
    """Alone, without the rest of mmct, whose stack may have imported them."""
    code = (
        'import sys, types, numpy\n'
        "mmct = sys.modules['mmct'] = types.ModuleType('mmct')\n"
        f'mmct.__path__ = [{str(Path(mmct.__file__).parent)!r}]\n'
        'from mmct.corruptions import corrupt\n'
        "print(sorted({'cv2', 'numba', 'scipy', 'skimage', 'torch'} & set(sys.modules)))\n"
        "corrupt(numpy.zeros((1, 8, 8, 3), numpy.uint8), 'contrast', 1)\n"
    )
    ended = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True)
    assert (ended.stdout, ended.returncode) == ('[]\n', 0), ended.stderr
