"""Options of `mmct score` and `mmct diagnose` that would do nothing, or something else."""

import json
from argparse import Namespace

import numpy as np
import pytest
import torch
from PIL import Image

from mmct.cli.corruption_options import subset_of
from mmct.cli.main import main
from mmct.cli.networks import load_network
from mmct.cli.options import Parser
from mmct.cli.score import parse_args

STORED = ['--corruptions', 'arrays', '--data-root', 'set']
OWN = """
import torch

def net():
    torch.manual_seed(0)
    return torch.nn.Sequential(torch.nn.AdaptiveAvgPool2d(4), torch.nn.Flatten(),
                               torch.nn.Linear(48, 2))
"""
LABELS = np.arange(12) % 2


def failing(capsys, *argv):
    try:
        code = main(list(argv))
    except SystemExit as error:  # of the options
        code = error.code
    assert code == 2
    return capsys.readouterr().err.strip().splitlines()[-1]


REFUSED = {
    'size of a set': (['score', 'own:net', *STORED, '--size', '8'], '--size is for IMAGES'),
    'size': (['score', 'own:net', 'images', '--size', '100000'], 'must be from 1 to 2048'),
    'batch': (['score', 'own:net', 'images', '--batch-size', f'1{20 * "0"}'], 'from 1 to 1000000'),
    'labels of a folder': (['score', 'own:net', 'images', '--labels', 'l.npy'], '--labels is for'),
    'labels of a set': (['score', 'own:net', *STORED, '--labels', 'l.npy'], '--labels is for'),
    'labels to diagnose': (
        ['diagnose', 'own:net', 'images', '--labels', 'l.npy'], '--labels is for',
    ),
    'nothing clean to diagnose': (['diagnose', 'own:net', *STORED], 'give a network and IMAGES'),
    'option before a config': (
        ['score', '--amp', 'my_config.py', 'x.pth'], 'file my_config.py does not',
    ),
    'option with a value before it': (
        ['score', '--only', 'fog', '--amp', 'my_config.py', 'x.pth'], 'file my_config.py does not',
    ),
}  # fmt: skip


@pytest.mark.parametrize('argv, said', REFUSED.values(), ids=REFUSED)
def test_an_option_without_effect_is_refused(tmp_path, monkeypatch, capsys, argv, said):
    monkeypatch.chdir(tmp_path)
    assert said in failing(capsys, *argv)


@pytest.fixture
def pixels(tmp_path, monkeypatch):
    """A set of 16 px, and a module of a network that takes any size."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / 'own.py').write_text(OWN)
    pixels = np.random.default_rng(0).integers(0, 256, (12, 16, 16, 3), np.uint8)
    (tmp_path / 'set').mkdir()
    np.save('set/labels.npy', np.tile(LABELS, 5))
    np.save('set/fog.npy', np.concatenate([255 - pixels] * 5))
    np.save('images.npy', pixels)
    np.save('labels.npy', LABELS)
    np.save('small.npy', pixels[:, :8, :8])
    for number, image in enumerate(pixels):
        for name, side in dict(images=16, large=20).items():
            folder = tmp_path / name / str(LABELS[number])
            folder.mkdir(parents=True, exist_ok=True)
            picture = Image.fromarray(image)
            picture.resize((side, side)).save(folder / f'{number:02}.png')
    return pixels


def test_clean_images_have_the_size_of_the_set(pixels, tmp_path, capsys):
    few = ['--weights', 'random', '--mean', '0', '0', '0', '--std', '1', '1', '1', '--device',
           'cpu', *STORED, '--only', 'fog', '--severities', '1', '--out']  # fmt: skip

    def clean(*argv):
        out = tmp_path / f'r{len(list(tmp_path.glob("r*.json")))}.json'
        assert main(['score', 'own:net', *argv[:1], *few, str(out), *argv[1:]]) == 0
        return json.loads(out.read_text())['clean']

    expected = clean('images.npy', '--labels', 'labels.npy')
    assert clean('images') == expected
    assert clean('large')['images'] == 12
    assert clean('images', '--size', '16')['predictions'] != expected['predictions']
    capsys.readouterr()
    line = failing(capsys, 'score', 'own:net', 'images', *few, 'r.json', '--size', '8')
    assert '--size 8: the images of the set have 16 px' in line
    line = failing(
        capsys, 'score', 'own:net', 'small.npy', '--labels', 'labels.npy', *few, 'r.json'
    )
    assert 'the clean images have 8 x 8 px, but those of the set have 16 x 16' in line


@pytest.mark.parametrize('images', ['small.npy', 'set'])
def test_a_network_for_another_size_is_named(pixels, capsys, images):
    own = ['small.npy', '--labels', 'labels.npy'] if images == 'small.npy' else STORED
    few = ['--weights', 'random', '--classes-by-position', '--device', 'cpu', '--only', 'fog',
           '--severities', '1', '--replace']  # fmt: skip
    for chosen, shown in (([], True), (['--input-size', '64'], False)):
        assert main(['score', 'timm/test_resnet', *own, *few, *chosen]) == 0
        found = 'timm/test_resnet is made for 160: --input-size 160' in capsys.readouterr().out
        assert found == shown


def test_arrays_of_another_shape_are_one_line(pixels, capsys):
    np.save('flat.npy', pixels.reshape(12, -1))
    for images, labels in (('flat.npy', 'labels.npy'), ('labels.npy', 'images.npy')):
        said = failing(capsys, 'score', 'timm/test_resnet', images, '--labels', labels,
                       '--weights', 'random', '--classes-by-position')  # fmt: skip
        assert 'the images are' in said


def test_the_size_of_the_network_is_that_of_its_inputs(pixels, tmp_path):
    (tmp_path / 'seen.py').write_text(
        'import torch\n\ndef net():\n    return lambda x: torch.full((len(x), 2), x.shape[-1])\n'
    )
    few = ['--weights', 'random', '--mean', '0', '0', '0', '--std', '1', '1', '1', '--device',
           'cpu', '--labels', 'labels.npy', '--only', 'fog', '--severities', '1']  # fmt: skip
    settings = parse_args(Parser(), ['seen:net', 'images.npy', *few, '--input-size', '24'])
    network, _ = load_network(settings)
    seen = network.logits(network.inputs(torch.zeros(2, 3, 16, 16, dtype=torch.uint8)))
    assert (seen == 24).all()


def test_how_clean_images_of_another_size_are_cropped_is_said(pixels, capsys):
    few = ['--weights', 'random', '--mean', '0', '0', '0', '--std', '1', '1', '1', '--device',
           'cpu', *STORED, '--only', 'fog', '--severities', '1', '--replace']  # fmt: skip
    for images, said in (('images', False), ('large', True)):
        assert main(['score', 'own:net', images, *few]) == 0
        line = 'clean images are resized and cropped to 16 px as those of ImageNet-C were'
        assert (line in capsys.readouterr().out) == said


def test_a_list_of_classes_may_begin_with_a_byte_order_mark(tmp_path):
    file = tmp_path / 'classes.txt'
    file.write_text('cat\ndog\n', encoding='utf-8-sig')
    assert subset_of(Namespace(subset=[str(file)])) == ['cat', 'dog']
