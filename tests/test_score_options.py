"""Options of `mmct score` and `mmct diagnose` that would do nothing, or something else."""

import json

import numpy as np
import pytest
from PIL import Image

from mmct.cli.main import main

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
