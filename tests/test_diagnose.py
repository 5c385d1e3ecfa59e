"""``mmct diagnose``, of result files and of networks."""

import json

import numpy as np
import pytest
import scorecards
import torch

from mmct.cli.main import main
from mmct.evaluation import diagnose
from mmct.report import diagnosis_sentences

FEW = ('gaussian_noise', 'fog', 'snow')


def result(name, draw, weights, batches=0, **settings):
    found = scorecards.make(name, draw, FEW, **settings)
    found['model'] |= dict(weights_sha256=weights * 32, recalibrate_bn=batches)
    return found


@pytest.fixture
def folder(tmp_path, monkeypatch):
    results = dict(
        bn=result('bn', 0, 'aa', skill=0.3),
        bn_adapted=result('bn', 1, 'aa', 4, skill=0.7),
        other=result('other', 2, 'bb', skill=0.5),
    )
    for name, content in results.items():
        (tmp_path / f'{name}.json').write_text(json.dumps(content))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_twins_are_found(folder, capsys):
    argv = ['bn_adapted.json', 'other.json', 'bn.json', '--baseline', 'bn']
    assert main(['diagnose', *argv, '--out', 'why.json', '--markdown', 'why.md']) == 0
    shown = capsys.readouterr().out
    assert 'mismatch of BN' in shown
    assert 'Compared with bn on the same 40 images' in shown
    found = json.loads((folder / 'why.json').read_text())
    assert [network['name'] for network in found['networks']] == ['other', 'bn']
    assert [network['batches'] for network in found['networks']] == [None, 4]
    for network in found['networks']:
        total = sum(part['value'] for part in network['parts'].values())
        assert total == pytest.approx(network['corrupted']['value'])
    text = (folder / 'why.md').read_text()
    assert 'not measured' in text  # of the other one
    assert '**bn**' in text


OWN = '''
import torch

def bright():
    pool = torch.nn.Sequential(torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten())
    norm, linear = torch.nn.BatchNorm1d(3), torch.nn.Linear(3, 2, bias=False)
    norm.running_mean.fill_(0.5)
    linear.weight.data = torch.tensor([[-1.0] * 3, [1.0] * 3])
    return torch.nn.Sequential(pool, norm, linear)

def dark():
    return lambda pixels: -bright()(pixels)
'''


def test_networks_are_scored_both_ways(folder, capsys):
    (folder / 'own_networks.py').write_text(OWN)
    rng = np.random.default_rng(0)
    labels = np.arange(40) % 2
    levels = np.where(labels, 160, 100)[:, None, None, None]
    images = (levels + rng.integers(-9, 10, (40, 16, 16, 3))).astype(np.uint8)
    np.save('images.npy', images)
    np.save('labels.npy', labels)
    options = (
        '--labels labels.npy --weights random --mean 0 0 0 --std 1 1 1 --device cpu '
        '--only brightness contrast --severities 5 --results kept --out why.json'
    )
    assert main(['diagnose', 'own_networks:bright', 'images.npy', *options.split()]) == 0
    (found,) = json.loads((folder / 'why.json').read_text())['networks']
    # All are bright now; their own mean tells them apart.
    assert found['parts']['BN statistics']['value'] == pytest.approx(25)
    assert found['corrupted']['value'] == pytest.approx(25)
    assert [place['layer'] for place in found['reliance']] == ['1', 'features']
    assert 'is a mismatch of BN statistics' in ' '.join(capsys.readouterr().out.split())
    assert len(list((folder / 'kept').glob('*.json'))) == 2


def test_a_network_for_another_size_is_named(folder, capsys):
    rng = np.random.default_rng(0)
    np.save('images.npy', rng.integers(0, 256, (12, 16, 16, 3), np.uint8))
    np.save('labels.npy', np.arange(12) % 2)
    options = '--labels labels.npy --weights random --device cpu --only fog --severities 1'
    chosen = [*options.split(), '--classes-by-position', '--recalibrate-bn', '1', '--layers', '1']
    assert main(['diagnose', 'timm/test_resnet', 'images.npy', *chosen]) == 0
    assert 'timm/test_resnet is made for 160: --input-size 160' in capsys.readouterr().out


PLAIN = ['--weights', 'random', '--mean', '0', '0', '0', '--std', '1', '1', '1']


@pytest.mark.parametrize(
    ('argv', 'message'),
    [
        (['bn_adapted.json'], 'add the result of the same weights without them'),
        (['bn.json', 'bn.json'], 'is given twice'),
        ([*2 * ['own_networks:bright'], 'images', *PLAIN], 'own_networks:bright is given twice'),
        (['bn.json', 'other.json', '--baseline', 'othr'], "did you mean 'other'?"),
        (['bn.json', 'other.json', '--out', 'why.txt'], '--out must end in .json'),
        (['other.json', 'bn.json', '--out', './bn.json'], 'bn.json is read, and would be overwr'),
        (['bn.json', '--markdown', 'bn.json'], 'bn.json is read, and would be overwritten'),
        (['own_networks:dark', 'images', *PLAIN, '--weights', 'w.pth'], 'gives no module, but'),
        (['bn.json', 'unclean.json'], 'clean'),
        (['bn.json', '--layers', '3'], '--layers is for networks, not for result files'),
        (['config.py', 'weights.pth'], 'score its checkpoint with mmct score'),
        (['timm/resnet18'], 'give a network and IMAGES, or result files'),
    ],
)
def test_what_cannot_be_diagnosed_is_refused(folder, capsys, argv, message):
    unclean = result('unclean', 3, 'cc', clean=False)
    (folder / 'unclean.json').write_text(json.dumps(unclean))
    (folder / 'own_networks.py').write_text(OWN)
    torch.save({'2.weight': torch.zeros(2, 3)}, folder / 'w.pth')
    try:
        code = main(['diagnose', *argv])
    except SystemExit as error:  # of the options
        code = error.code
    assert code == 2
    assert message in capsys.readouterr().err.splitlines()[-1]


def test_nothing_is_claimed_that_an_interval_does_not_support():
    # Twins of one skill: no difference is there to be found.
    one, two = (result(name, draw, name, images=400) for draw, name in enumerate('ab', 4))
    found = diagnose([one, two])
    _, other = found['networks']
    assert other['against']['corrupted']['low'] < 0 < other['against']['corrupted']['high']
    text = diagnosis_sentences(found)['b'][2]
    assert 'does not differ significantly' in text
    assert 'higher' not in text
    assert 'lower' not in text
    clean = scorecards.make('c', 0, FEW, clean=False)
    with pytest.raises(ValueError, match='scored without clean images'):
        diagnose([clean])
