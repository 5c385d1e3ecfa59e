"""A finished teacher is used or refused, never overwritten."""

import json

import pytest
import torch

from mmct.runs import CTError
from mmct.runs.identity import differences
from mmct.teacher import TeacherStore

MARKS = {'train_cfg.max_epochs': 10, 'model.backbone.depth': 18}
WEIGHTS = {'w': torch.arange(4.0)}
RECORD = dict(
    source='trained', accuracy_pct=50.0, chance_pct=10.0, num_images=100, seconds=1.0,
    measured_on='validation',
)  # fmt: skip


@pytest.fixture
def store(tmp_path):
    return TeacherStore(tmp_path / 'work' / 'teacher')


@pytest.mark.parametrize('seconds', [1.0, None])
def test_life_of_a_teacher(store, seconds):
    assert store.state(MARKS)[0] == 'none'
    store.begin(MARKS)
    assert store.state(MARKS)[0] == 'unfinished'
    # A run may be without the hook that measures its time.
    store.finish(WEIGHTS, **{**RECORD, 'seconds': seconds})
    assert store.state(MARKS)[0] == 'finished'
    assert store.read()['accuracy_pct'] == 50.0
    assert torch.equal(store.load()['w'], WEIGHTS['w'])
    assert {path.name for path in store.folder.iterdir()} == {
        'teacher.json',
        'teacher.pth',
    }


def test_another_fingerprint(store):
    other = {**MARKS, 'train_cfg.max_epochs': 20}
    store.begin(MARKS)
    assert store.state(other)[0] == 'none', 'an unfinished one may be replaced'
    store.finish(WEIGHTS, **RECORD)
    with pytest.raises(CTError) as error:
        store.state(other)
    for part in ('train_cfg.max_epochs: 10 -> 20', '--retrain-teacher', '--teacher '):
        assert part in str(error.value)
    assert '\n' not in str(error.value)
    assert torch.equal(store.load()['w'], WEIGHTS['w'])


def test_another_number_of_processes_goes_on_but_does_not_train_the_same(store):
    one, two = ({**MARKS, 'world_size': count} for count in (1, 2))
    store.begin(two)
    assert store.state(one) == ('unfinished', [])
    store.finish(WEIGHTS, **RECORD)
    assert store.state(one, any_processes=True) == ('finished', [])
    with pytest.raises(CTError, match='world_size: 2 -> 1'):
        store.state(one)


def test_finished_without_its_weights_goes_on(store):
    store.begin(MARKS)
    store.finish(WEIGHTS, **RECORD)
    store.weights.unlink()
    assert store.state(MARKS)[0] == 'unfinished'


def test_set_aside_loses_nothing(store):
    assert store.set_aside() is None
    store.begin(MARKS)
    store.finish(WEIGHTS, **RECORD)
    aside = TeacherStore(store.set_aside())
    assert store.state(MARKS)[0] == 'none'
    assert aside.state(MARKS)[0] == 'finished'


def test_folders_set_aside_in_one_second_are_all_kept(store):
    asides = set()
    for _ in range(3):
        store.begin(MARKS)
        asides.add(store.set_aside())
    assert len(asides) == 3
    assert all((aside / 'teacher.json').is_file() for aside in asides)


def test_is_unfinished(store):
    assert not store.is_unfinished()
    store.begin(MARKS)
    assert store.is_unfinished()
    (store.folder / 'teacher.json').write_text('{"fini')
    assert not store.is_unfinished()
    store.begin(MARKS)
    store.finish(WEIGHTS, **RECORD)
    assert not store.is_unfinished()


@pytest.mark.parametrize(
    'text',
    ['{"finished": tr', '', '[]', 'null', '{}', '{"finished": 1, "fingerprint": {}}', '[' * 9999,
     '{"finished": true, "fingerprint": []}', '\x00'],
    ids=lambda text: text[:9],
)  # fmt: skip
def test_a_damaged_record_is_named(store, text):
    store.begin(MARKS)
    (store.folder / 'teacher.json').write_text(text)
    with pytest.raises(CTError, match='teacher.json is damaged'):
        store.state(MARKS)


def test_differences_name_what_is_missing():
    assert differences({'a': 1, 'b': 2}, {'a': 1, 'c': None}) == [
        'b: 2 -> not set',
        'c: not set -> None',
    ]
    assert differences(json.loads(json.dumps(MARKS)), MARKS) == []


@pytest.mark.parametrize(
    'change', [dict(accuracy_pct='50'), dict(num_images=0), dict(seconds='1'), dict(source=3)],
    ids=str,
)  # fmt: skip
def test_a_finished_record_of_another_shape_is_named(store, change):
    store.begin(MARKS)
    store.finish(WEIGHTS, **{**RECORD, **change})
    with pytest.raises(CTError, match=r'teacher\.json is damaged \(') as error:
        store.is_finished()
    assert next(iter(change)) in str(error.value)
