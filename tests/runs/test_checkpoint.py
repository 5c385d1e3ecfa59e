"""Loading is safe."""

import gc
import os
import pickle

import pytest
import torch
from mmengine.logging import HistoryBuffer
from tool_runs import Bomb

from mmct.runs import CTError
from mmct.runs.checkpoint import digest, load_state_dict, safe_loading


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
    # What the hooks of a failed run hold goes with them.
    gc.collect()
    monkeypatch.setenv('TORCH_FORCE_WEIGHTS_ONLY_LOAD', '0')
    before = set(torch.serialization.get_safe_globals())
    with safe_loading():
        assert HistoryBuffer in torch.serialization.get_safe_globals()
    assert set(torch.serialization.get_safe_globals()) == before
    assert os.environ['TORCH_FORCE_WEIGHTS_ONLY_LOAD'] == '0'


def test_blocks_may_overlap_and_lose_what_others_take_away():
    gc.collect()
    before = set(torch.serialization.get_safe_globals())
    first, second = safe_loading(), safe_loading()
    first.__enter__()
    second.__enter__()
    first.__exit__(None, None, None)
    assert HistoryBuffer in torch.serialization.get_safe_globals()
    # As onedl-mmengine does around each load.
    with torch.serialization.safe_globals([HistoryBuffer]):
        pass
    with safe_loading():
        assert HistoryBuffer in torch.serialization.get_safe_globals()
    second.__exit__(None, None, None)
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
