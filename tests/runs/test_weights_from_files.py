"""Loading is safe."""

import copy
import os
import pickle
import random
import resource

import pytest
import torch
from mmengine.logging import HistoryBuffer
from tool_runs import Bomb, served
from torch import nn

from mmct.models import fold_weights, standardise_weights
from mmct.runs import CTError
from mmct.runs.identity import digest
from mmct.runs.weights import (
    check_fits,
    check_some_fit,
    load,
    load_state_dict,
    safe_loading,
    save,
)


def test_on_a_full_disk_weights_are_not_written_and_the_message_says_so(tmp_path):
    file = tmp_path / 'weights.pth'
    save(file, {'w': torch.zeros(3)})
    before = file.read_bytes()
    allowed = resource.getrlimit(resource.RLIMIT_FSIZE)
    # As if the disk took no more than this.
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(before), allowed[1]))
    try:
        with pytest.raises(CTError, match=r'weights\.pth was not written .*file is intact'):
            save(file, {'w': torch.zeros(10_000)})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, allowed)
    assert file.read_bytes() == before
    assert list(tmp_path.iterdir()) == [file]


def test_loads_plain_and_wrapped_weights(tmp_path):
    weights = {'w': torch.arange(3.0)}
    history = HistoryBuffer([1.0, 2.0], [1, 1])
    torch.save(weights, tmp_path / 'plain.pth')
    torch.save(
        dict(state_dict=weights, message_hub=dict(loss=history)), tmp_path / 'mm.pth'
    )
    for name in ('plain.pth', 'mm.pth'):
        assert load_state_dict(tmp_path / name)['w'].tolist() == [0, 1, 2]


@pytest.mark.parametrize('zipped', [True, False])
def test_a_pickle_bomb_is_refused_and_does_not_run(tmp_path, zipped):
    file, marker = tmp_path / 'bomb.pth', tmp_path / 'marker'
    if zipped:
        torch.save(dict(state_dict={}, meta=Bomb(marker)), file)
    else:
        file.write_bytes(pickle.dumps(Bomb(marker), protocol=2))
    with pytest.raises(CTError, match='bomb.pth is damaged or holds more') as error:
        load_state_dict(file)
    assert '\n' not in str(error.value)
    assert not marker.exists()


def test_safe_loading_also_holds_for_code_that_asks_for_unsafe(tmp_path):
    file, marker = tmp_path / 'bomb.pth', tmp_path / 'marker'
    torch.save(Bomb(marker), file)
    with safe_loading(), pytest.raises(pickle.UnpicklingError):
        torch.load(file, weights_only=False)
    assert not marker.exists()


def test_safe_loading_leaves_nothing_behind(monkeypatch):
    monkeypatch.setenv('TORCH_FORCE_WEIGHTS_ONLY_LOAD', '0')
    before = set(torch.serialization.get_safe_globals())
    with safe_loading():
        assert HistoryBuffer in torch.serialization.get_safe_globals()
    assert set(torch.serialization.get_safe_globals()) == before
    assert os.environ['TORCH_FORCE_WEIGHTS_ONLY_LOAD'] == '0'


def test_blocks_may_be_nested_and_lose_what_others_take_away():
    before = set(torch.serialization.get_safe_globals())
    with safe_loading():
        with safe_loading():
            pass
        assert HistoryBuffer in torch.serialization.get_safe_globals()
        # As onedl-mmengine does around each load.
        with torch.serialization.safe_globals([HistoryBuffer]):
            pass
        with safe_loading():
            assert HistoryBuffer in torch.serialization.get_safe_globals()
    assert set(torch.serialization.get_safe_globals()) == before


def test_of_getattr_a_history_gets_only_its_statistics(tmp_path):
    class Reach:
        def __reduce__(self):
            return getattr, (HistoryBuffer, '__init__')

    file = tmp_path / 'reach.pth'
    torch.save(dict(state_dict={}, reach=Reach()), file)
    with pytest.raises(CTError, match='asks for __init__'):
        load_state_dict(file)


@pytest.mark.parametrize(
    ('content', 'message'),
    [
        (None, 'does not exist'),
        (b'', 'damaged'),
        (b'not a checkpoint', 'damaged'),
        ({}, 'holds no weights'),
        ({'epoch': 3}, 'holds no weights'),
        ([torch.ones(1)], 'holds no weights'),
    ],
)
def test_files_without_weights_are_named(tmp_path, content, message):
    file = tmp_path / 'x.pth'
    if isinstance(content, bytes):
        file.write_bytes(content)
    elif content is not None:
        torch.save(content, file)
    with pytest.raises(CTError, match=f'x.pth.*{message}'):
        load_state_dict(file)


def test_a_truncated_checkpoint_is_refused(tmp_path):
    file = tmp_path / 'x.pth'
    torch.save({'w': torch.ones(1000)}, file)
    file.write_bytes(file.read_bytes()[:2000])
    with pytest.raises(CTError, match='damaged'):
        load_state_dict(file)


def test_weights_are_recognised_by_names_and_values():
    one, other = torch.ones(2), torch.zeros(2)
    mark = digest(dict(a=one, b=other))
    assert digest(dict(b=other, a=one)) == mark
    assert mark not in (digest(dict(a=other, b=one)), digest(dict(a=one, c=other)))


@pytest.fixture(scope='module')
def site(tmp_path_factory):
    """A web server with checkpoints."""
    folder = tmp_path_factory.mktemp('site')
    torch.save({'w': torch.arange(3.0)}, folder / 'net.pth')
    (folder / 'page.pth').write_text('<html>not here</html>')
    with served(folder) as url:
        yield url


def test_weights_come_from_a_url(site, tmp_path, monkeypatch):
    monkeypatch.setenv('TORCH_HOME', str(tmp_path))
    assert load_state_dict(f'{site}/net.pth')['w'].tolist() == [0, 1, 2]
    for url, message in (
        (f'{site}/none.pth', r'none\.pth cannot be fetched: HTTP Error 404'),
        (f'{site}/page.pth', r'page\.pth is damaged or holds more'),
        ('torchvision://resnet1', 'torchvision://resnet1 cannot be fetched'),
        ('gone://net.pth', r'gone://net\.pth cannot be fetched'),
        ('https://127.0.0.1:9/other.pth', 'cannot be fetched: .*refused'),
    ):
        with pytest.raises(CTError, match=message) as error:
            load_state_dict(url)
        assert '\n' not in str(error.value)


def test_the_prefix_of_distributed_training_is_taken_off(tmp_path):
    torch.save({'state_dict': {'module.w': torch.ones(1)}}, tmp_path / 'net.pth')
    assert list(load_state_dict(tmp_path / 'net.pth')) == ['w']


def test_weights_of_which_none_fits_are_refused():
    model = nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3))
    fits = {'0.weight': torch.ones(3, 2), 'other': torch.ones(1)}
    check_some_fit('x.pth', fits, model)
    counts = {'1.num_batches_tracked': torch.tensor(0)}
    for wrong in ({'0.weight': torch.ones(2, 3), 'a': torch.ones(1)}, counts):
        with pytest.raises(CTError, match=f'x.pth does not fit the model: none of its '
                           f'{len(wrong)} weights .* it has {next(iter(wrong))}.*, the model '
                           '0.weight, 0.bias, 1.weight, ...'):  # fmt: skip
            check_some_fit('x.pth', wrong, model)
    whole = nn.Sequential()
    whole.backbone = model
    with pytest.raises(CTError, match="the backbone's, so set model.backbone.init_cfg=dict"):
        check_some_fit('x.pth', fits, whole)


@pytest.mark.parametrize(
    ('norm', 'kind'),
    [(nn.Identity(), 'NormFreeClassifier'), (nn.BatchNorm2d(3), 'StandardisedClassifier')],
)
def test_standardised_weights_are_not_used_as_plain_ones(norm, kind):
    plain = nn.Sequential(nn.Conv2d(2, 3, 3), norm, nn.Flatten())
    standardised = standardise_weights(copy.deepcopy(plain))
    folded = fold_weights(copy.deepcopy(standardised)).state_dict()
    for check in (check_fits, check_some_fit):
        check('x.pth', standardised.state_dict(), standardised)
        check('x.pth', folded, standardised)
        with pytest.raises(CTError, match=f'x.pth has standardised .*{kind}.*teacher.pth'):
            check('x.pth', standardised.state_dict(), plain)
    # A training may begin from plain weights; a test would be one of another network.
    check_some_fit('x.pth', plain.state_dict(), standardised)
    with pytest.raises(CTError, match='x.pth has plain weights, which the model would standardise'):
        check_fits('x.pth', plain.state_dict(), standardised)


@pytest.mark.parametrize('zipped', [True, False])
def test_a_flipped_byte_is_one_line_or_changes_nothing(tmp_path, zipped):
    file = tmp_path / 'net.pth'
    weights = {f'layer{i}.w': torch.randn(40, generator=torch.Generator()) for i in range(5)}
    state = dict(state_dict=weights, meta=dict(epoch=1, iter=5), optimizer=dict(lr=[0.1]))
    torch.save(state, file, _use_new_zipfile_serialization=zipped)
    whole, rng, refused = file.read_bytes(), random.Random(0), 0
    for _ in range(60):
        content = bytearray(whole)
        content[rng.randrange(len(whole))] ^= 1 << rng.randrange(8)
        file.write_bytes(content)
        try:
            found = load(file)
        except CTError as error:
            refused += 1
            assert str(error).startswith(f'checkpoint {file} is damaged')
            assert '\n' not in str(error) and len(str(error)) < 500
            continue
        if zipped:
            assert str(found) == str(state)
    assert refused > 10
