"""The folder of a study."""

import json
from dataclasses import replace

import pytest
from mmengine.config import Config

from mmct.corruptions.names import REVISIONS
from mmct.runs import CTError
from mmct.studies import Cell, StudyStore
from mmct.studies.cell import hashed

RESULT = dict(title='t', diverged=None, scores={})
PLAN = dict(
    seeds=[0, 1],
    arms=dict(a=dict(group='a', variant='', baselines=[], points=[dict(lr=1)], chosen=0)),
    cells=[dict(key='0a', role='training', arm='a', seed=0, point=None)],
    table=dict(error='corruption.clean_error_pct'),
    figures={},
)


def cell(**scores):
    return Cell('key', 'training', 'arm', 0, Config(), scores)


def test_a_cell_is_finished_with_all_of_its_scores(tmp_path):
    store = StudyStore(tmp_path)
    one = cell(errors=dict(type='A', x=1))
    assert not store.is_finished(one)
    store.keep_result('key', RESULT)
    assert store.is_finished(cell())
    assert not store.is_finished(one)


def test_a_score_with_other_settings_is_another(tmp_path):
    store = StudyStore(tmp_path)
    kept = dict(errors=dict(settings=hashed(dict(type='A', x=1)), value=3))
    store.keep_result('key', {**RESULT, 'scores': kept})
    assert store.is_finished(cell(errors=dict(x=1, type='A')))
    assert not store.is_finished(cell(errors=dict(type='A', x=2)))


def test_a_score_of_other_images_is_another_however_they_are_read(tmp_path):
    def on(**images):
        cfg = Config(dict(test_dataloader=dict(dataset=dict(type='Digits', **images))))
        return replace(cell(errors=dict(type='A')), config=cfg)

    store = StudyStore(tmp_path)
    kept = dict(settings=hashed(dict(type='A')), value=3)
    for images, known in (({}, True), (dict(images=on().images), False)):
        store.keep_result('key', {**RESULT, 'scores': dict(errors={**kept, **images})})
        assert store.is_finished(on()) and store.is_finished(on(lazy_init=True))
        # Of a result of an earlier version it is not known.
        for other in (dict(indices=40), dict(data_root='elsewhere')):
            assert store.is_finished(on(**other)) is known


def on_batches(size, **settings):
    config = Config(dict(test_dataloader=dict(batch_size=size), val_dataloader=dict(batch_size=7)))
    return replace(cell(errors=dict(type='A', **settings)), config=config)


@pytest.mark.parametrize('settings', [{}, dict(recalibrate_bn=0), dict(recalibrate_bn=2),
                                      dict(recalibrate_bn=2, split='val')])  # fmt: skip
def test_the_batch_size_belongs_to_a_score_that_estimates_bn_on_batches(tmp_path, settings):
    store, kept = StudyStore(tmp_path), on_batches(16, **settings)
    score = dict(settings=kept.marks['errors'], images=kept.images, value=3)
    matters = settings == dict(recalibrate_bn=2)
    for given, known in ((kept.given['errors'], not matters), ({}, True)):
        store.keep_result('key', {**RESULT, 'scores': dict(errors={**score, 'given': given})})
        assert store.is_finished(kept)
        # Of a result of an earlier version it is not known.
        assert store.is_finished(on_batches(200, **settings)) is known


@pytest.mark.parametrize('table', REVISIONS)
def test_a_score_of_images_of_another_revision_is_another(tmp_path, monkeypatch, table):
    store, one = StudyStore(tmp_path), cell(errors=dict(type='A'))
    score = dict(settings=one.marks['errors'], value=3)
    made_by = {other: {other: REVISIONS[other]} for other in REVISIONS}
    monkeypatch.setitem(REVISIONS, table, REVISIONS[table] + 1)
    for other, given in dict(made_by, none={}).items():
        store.keep_result('key', {**RESULT, 'scores': dict(errors={**score, 'given': given})})
        assert store.is_finished(one) is (other != table)


def test_a_score_of_images_of_another_content_is_another(tmp_path):
    store, one = StudyStore(tmp_path), cell(errors=dict(type='A'))
    seen = dict(val_images='1', test_images='2')
    score = dict(settings=one.marks['errors'], given=seen, value=3)
    store.keep_result('key', {**RESULT, 'scores': dict(errors=score)})
    # A dry run may not know the images.
    for content, known in ((seen, True), ({}, True), (dict(seen, val_images='3'), False),
                           (dict(test_images='3'), False)):  # fmt: skip
        assert store.is_finished(replace(one, content=content)) is known


def test_what_diverged_is_finished_without_scores(tmp_path):
    store = StudyStore(tmp_path)
    store.keep_result('key', {**RESULT, 'diverged': 'the loss is nan'})
    assert store.is_finished(cell(errors=dict(type='A')))


def test_what_another_process_wrote_is_seen(tmp_path):
    one, other = StudyStore(tmp_path), StudyStore(tmp_path)
    assert not one.is_finished(cell())
    other.keep_result('key', RESULT)
    assert one.is_finished(cell())


def test_the_plan_is_written_when_it_changes(tmp_path):
    store = StudyStore(tmp_path)
    assert store.plan() is None
    store.keep_plan({**PLAN, 'seeds': (0, 1)})
    before = (tmp_path / 'study.json').stat()
    store.keep_plan({**PLAN, 'seeds': (0, 1)})
    assert (tmp_path / 'study.json').stat().st_ino == before.st_ino
    store.keep_plan({**PLAN, 'seeds': (0, 1, 2)})
    assert store.plan()['seeds'] == [0, 1, 2]


@pytest.mark.parametrize('text', ['', '[]', '{}', '{"schema": "mmct-study"'])
def test_a_damaged_file_is_named(tmp_path, text):
    (tmp_path / 'study.json').write_text(text)
    with pytest.raises(CTError, match=r'study\.json is damaged \(.*\): move it away'):
        StudyStore(tmp_path).plan()


def test_a_folder_of_another_version_is_refused(tmp_path):
    store = StudyStore(tmp_path)
    store.keep_plan(PLAN)
    plan = json.loads((tmp_path / 'study.json').read_text())
    (tmp_path / 'study.json').write_text(json.dumps({**plan, 'schema_version': 99}))
    with pytest.raises(CTError, match='another version of mmct .*99.*: use another --work-dir'):
        store.plan()


@pytest.mark.parametrize(
    'change',
    [
        dict(seeds='all'),
        dict(arms=[]),
        dict(arms=dict(a=3)),
        dict(arms=dict(a=dict(PLAN['arms']['a'], chosen=1))),
        dict(arms=dict(a=dict(PLAN['arms']['a'], baselines=['b']))),
        dict(cells=[dict(PLAN['cells'][0], key='../../x')]),
        dict(cells=[dict(PLAN['cells'][0], arm='b')]),
        dict(table=dict(error=3)),
        dict(table=dict(error=dict(published=dict(a='x')))),
        dict(table=dict(error=dict(curve='a', x=1, y='b'))),
        dict(figures=dict(x=3)),
    ],
    ids=str,
)
def test_a_plan_of_another_shape_is_refused(tmp_path, change):
    store = StudyStore(tmp_path)
    store.keep_plan({**PLAN, **change})
    with pytest.raises(CTError, match=r'study\.json is damaged \(.*\): move it away') as error:
        store.plan()
    assert '\n' not in str(error.value)


@pytest.mark.parametrize(
    'change',
    [dict(scores=3), dict(scores=dict(a=3)), dict(scores=dict(a=dict(value=1))), dict(diverged=3),
     dict(title=['t'])],
    ids=str,
)  # fmt: skip
def test_a_result_of_another_shape_is_refused(tmp_path, change):
    store = StudyStore(tmp_path)
    store.keep_result('0a', {**RESULT, **change})
    with pytest.raises(CTError, match=r'0a\.json is damaged \(.*\): move it away'):
        store.result('0a')
