"""The model zoo: its index, its files from a folder and from a server, its networks."""

import json
import runpy
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmpretrain.models import ImageClassifier
from tool_runs import ROOT

import mmct
from mmct.cli.main import main
from mmct.datasets import Digits
from mmct.evaluation import read_result, unpack_hits
from mmct.runs import CTError
from mmct.scoring import as_network
from mmct.zoo import ZOO, fetch, find, source

FILES = ROOT / 'zoo'
NAME = 'ct_resnet18w8_digits'
WEIGHTS = find(NAME).weights


@pytest.fixture(autouse=True)
def _own_cache(monkeypatch, tmp_path):
    monkeypatch.delenv('MMCT_ZOO', raising=False)
    monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path / 'cache'))


@pytest.fixture(scope='module')
def digits():
    data = Digits('test')
    items = [data.get_data_info(number) for number in range(len(data))]
    return np.stack([i['img'] for i in items]), np.array([i['gt_label'] for i in items])


def test_the_index_names_all_files_and_says_what_is_in_them():
    files = {file.name: file for e in ZOO.values() for file in (e.weights, e.scorecard)}
    assert {path.name for path in FILES.iterdir()} == set(files)
    assert sum(file.bytes for file in files.values()) < 8e6
    for file in files.values():
        assert fetch(file) == FILES / file.name  # that of the checkout
        assert (FILES / file.name).stat().st_size == file.bytes
        assert file.sha256[:8] == Path(file.name).stem[-8:]
    for name, entry in ZOO.items():
        card = read_result(FILES / entry.scorecard.name)
        assert card['name'] == name
        assert card['model']['config'] == entry.config
        assert card['model']['checkpoint'].endswith(entry.weights.name)
        assert card['summary']['is_benchmark'] or card['data']['subset']
        assert {key: card['summary'][key] for key in entry.metrics} == entry.metrics
        kept = json.loads((ROOT / 'benchmarks' / entry.study / 'study.json').read_text())
        cell = dict(key=entry.cell, role='training', arm=entry.arm, seed=entry.seed, point=None)
        assert cell in [{name: each[name] for name in cell} for each in kept['cells']]


@pytest.mark.parametrize('name', ZOO)
def test_a_network_says_what_its_scorecard_says(name, digits):
    network, entry = mmct.load(name), ZOO[name]
    assert isinstance(network, ImageClassifier) and not network.training
    if name.startswith(('bn_', 'ct_')):
        assert type(network) is ImageClassifier
    assert sum(p.numel() for p in network.parameters()) == entry.parameters
    card = read_result(FILES / entry.scorecard.name)
    images, labels = digits
    pixels = torch.from_numpy(images).permute(0, 3, 1, 2)
    own = as_network(network)
    assert own.digest(pixels) == card['model']['weights_sha256']
    if entry.data != 'Digits':  # the only images that come with a library
        return
    with torch.no_grad():
        hits = own.logits(own.inputs(pixels)).argmax(1).numpy() == labels
    assert (hits == unpack_hits(card['clean'])).all()
    assert 100 * (1 - hits.mean()) == pytest.approx(entry.metrics['clean_error_pct'])


def test_the_chosen_networks_are_arms_of_studies_and_have_configs():
    chosen = runpy.run_path(str(ROOT / 'benchmarks' / 'make_zoo.py'))['NETWORKS']
    names = [network.name for choice in chosen.values() for network in choice.networks]
    assert len(set(names)) == len(names) and set(ZOO) <= set(names)
    for study, choice in chosen.items():
        arms = Config.fromfile(mmct.config_path(study)).arms
        for _, config, arm in choice.networks:
            ours, trained = (Config.fromfile(file) for file in (
                mmct.config_path(config), arms[arm].config
            ))  # fmt: skip
            assert ours.data_preprocessor == trained.data_preprocessor


def test_weights_are_tensors_and_names_of_classes():
    content = torch.load(FILES / WEIGHTS.name, weights_only=True)
    assert content.keys() == {'state_dict', 'meta'}
    kinds = {value.dtype for value in content['state_dict'].values()}
    assert kinds == {torch.float32, torch.int64}
    assert content['meta'] == dict(dataset_meta=dict(classes=list('0123456789')))


def test_diagnose_takes_a_network_of_the_zoo(digits):
    images, labels = digits
    found = mmct.diagnose(
        mmct.load(NAME), images[:64], labels[:64], corruptions='contrast', severities=[5],
        recalibrate_bn=1, layers=1, quiet=True,
    )  # fmt: skip
    assert found.sentences


def test_the_download_of_a_release_goes_on_and_is_kept(server, monkeypatch, tmp_path):
    content = (FILES / WEIGHTS.name).read_bytes()
    server.files[f'zoo/{WEIGHTS.name}'], server.cuts = content, [300_000]
    monkeypatch.setattr('mmct.zoo.files.checkout', lambda: None)  # an installed wheel
    monkeypatch.setattr('mmct.zoo.files.RELEASE_URL', server.url('zoo'))
    path = fetch(WEIGHTS)
    assert path == tmp_path / 'cache' / 'mmct' / 'zoo' / WEIGHTS.name
    assert path.read_bytes() == content
    assert server.ranges == [None, 'bytes=300000-']
    assert fetch(WEIGHTS, tmp_path / 'mine').read_bytes() == content
    assert [each.name for each in (tmp_path / 'mine').iterdir()] == [WEIGHTS.name]
    assert isinstance(mmct.load(NAME), ImageClassifier)
    assert len(server.ranges) == 2


def test_another_file_than_the_published_one_is_refused(server, monkeypatch, tmp_path):
    broken = bytearray((FILES / WEIGHTS.name).read_bytes())
    broken[1000] ^= 1
    server.files[WEIGHTS.name] = bytes(broken)
    monkeypatch.setenv('MMCT_ZOO', server.url(''))
    message = f'{WEIGHTS.name} is not the published file, it was not loaded: its SHA-256 is'
    with pytest.raises(CTError, match=message):
        mmct.load(NAME)
    # It is not kept; one that is in the cache already is.
    cached = tmp_path / 'cache' / 'mmct' / 'zoo' / WEIGHTS.name
    assert not cached.exists()
    cached.write_bytes(broken)
    with pytest.raises(CTError, match='remove it, and it is fetched again'):
        mmct.load(NAME)
    assert cached.read_bytes() == broken and len(server.ranges) == 1
    monkeypatch.setenv('MMCT_ZOO', str(cached.parent))
    with pytest.raises(CTError, match=message):
        mmct.load(NAME)


def test_files_that_are_nowhere(monkeypatch, tmp_path):
    monkeypatch.setenv('MMCT_ZOO', str(tmp_path))
    with pytest.raises(CTError, match='there is no file .*MMCT_ZOO must name a folder or URL'):
        fetch(WEIGHTS)
    monkeypatch.delenv('MMCT_ZOO')
    monkeypatch.setattr('mmct.zoo.files.checkout', lambda: None)
    assert source().startswith('https://')
    with pytest.raises(CTError, match='is not published yet: set MMCT_ZOO to the folder zoo'):
        fetch(WEIGHTS)


def test_the_command_lists_and_describes(capsys):
    assert main(['zoo']) == 0
    printed = capsys.readouterr().out
    for name, entry in ZOO.items():
        (line,) = (line for line in printed.splitlines() if f' {name} ' in line)
        assert f'{entry.metrics["raw_mce_pct"]:.2f}' in line and entry.data in line
    assert main(['zoo', NAME]) == 0
    printed = capsys.readouterr().out
    assert WEIGHTS.sha256 in printed and find(NAME).trained_by in printed
    assert main(['zoo', 'ct_resnet18w8_digit']) == 2
    assert capsys.readouterr().err.endswith(f'did you mean {NAME!r}?\n')
    with pytest.raises(SystemExit, match='2'):
        main(['zoo', '--download'])


def test_what_is_downloaded_can_be_tested(capsys, tmp_path):
    folder = tmp_path / 'new'
    assert main(['zoo', NAME, '--download', str(folder)]) == 0
    config, weights = capsys.readouterr().out.splitlines()[-1].split()[-2:]
    assert {path.name for path in folder.iterdir()} == {
        f'{NAME}.py', WEIGHTS.name, find(NAME).scorecard.name
    }  # fmt: skip
    assert Config.fromfile(config).model == Config.fromfile(mmct.config_path(NAME)).model
    out = tmp_path / 'metrics.json'
    options = ['--out', str(out), '--out-item', 'metrics', '--work-dir', str(tmp_path / 'work')]
    assert main(['test', config, weights, *options]) == 0
    error = 100 - json.loads(out.read_text())['accuracy/top1']
    assert error == pytest.approx(find(NAME).metrics['clean_error_pct'], abs=1e-4)


def test_the_command_line_scores_a_network_of_the_zoo(digits, capsys, monkeypatch, tmp_path):
    images, labels = digits
    monkeypatch.chdir(tmp_path)
    np.save('images.npy', images)
    np.save('labels.npy', labels)
    common = ['images.npy', '--labels', 'labels.npy', '--only', 'contrast', '--severities', '1']
    assert main(['score', f'zoo/{NAME}', *common]) == 0
    card, kept = map(read_result, (f'scorecard_zoo_{NAME}.json', fetch(find(NAME).scorecard)))
    assert card['clean']['hits'] == kept['clean']['hits']
    (cell,) = card['cells']
    same = [c for c in kept['cells'] if (c['corruption'], c['severity']) == ('contrast', 1)]
    assert cell['hits'] == same[0]['hits']
    capsys.readouterr()
    wrong = {
        ('zoo/ct_resnet18w8_digit',): 'did you mean',
        (f'zoo/{NAME}', '--weights', 'random'): 'has its own weights: leave out --weights',
        (f'zoo/{NAME}', '--mean', '0', '0', '0'): 'mean= is for other networks',
        (f'zoo/{NAME}', '--device', 'cuda:99'): 'cannot be moved to device',
    }
    for (network, *options), message in wrong.items():
        assert main(['score', network, *common, *options]) == 2
        assert message in capsys.readouterr().err.splitlines()[-1]
