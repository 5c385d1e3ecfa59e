"""A study folder from somebody else is data: it executes nothing and writes nowhere else."""

import json

import pytest
from tool_runs import contents

from mmct.runs import CTError
from mmct.runs.data_content import data_cache
from mmct.runs.files import write_json
from mmct.studies import FIGURES, SCORES, TABLES, StudyStore, write_study_report


@pytest.fixture
def folder(tmp_path):
    """Make the folder of a study with one result, and what its ``study.json`` also says."""
    store = StudyStore(tmp_path / 'study')

    def make(scores=None, **more):
        arm = dict(group='a', variant='', baselines=[], points=None, chosen=None)
        cells = [dict(key='k', role='training', arm='a', seed=0, point=None)]
        plan = dict(seeds=[0], arms=dict(a=arm), cells=cells, table={}, figures={}, tables={})
        store.keep_plan({**plan, **more})
        store.keep_result('k', dict(title='a, seed 0', diverged=None, scores=scores or {}))
        return StudyStore(store.folder)

    return make


@pytest.mark.parametrize('kind', ['figures', 'tables'])
@pytest.mark.parametrize(
    ('settings', 'said'),
    [
        (dict(type='os.mkdir', path='made'), "'os.mkdir'"),
        (dict(type='builtins.eval', source='1'), "'builtins.eval'"),
        (dict(type='os'), "'os'"),
        (dict(type='mmct.studies.figures.ErrorArrows'), 'ErrorArrows'),
        (dict(type=['ErrorArrows']), 'type'),
        (dict(), 'type'),
    ],
)
def test_what_is_not_registered_is_not_built(folder, monkeypatch, tmp_path, kind, settings, said):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(CTError) as found:
        write_study_report(folder(**{kind: dict(x=settings)}))
    assert said in str(found.value) and 'study.json: study ' in str(found.value)
    assert '\n' not in str(found.value)
    assert not (tmp_path / 'made').exists()


@pytest.mark.parametrize('name', ['../x', '/tmp/x', 'a/x', '', '.', '..'])
def test_no_file_is_written_elsewhere(folder, tmp_path, name):
    with pytest.raises(CTError, match='is not a file name'):
        write_study_report(folder(figures={name: dict(type='ErrorArrows')}))
    assert [path.name for path in tmp_path.iterdir()] == ['study']


def test_no_table_replaces_a_file_of_the_study(folder, monkeypatch):
    monkeypatch.chdir((store := folder()).folder)
    write_study_report(store)
    write_json(data_cache('.'), {})
    own = {path.stem for path in store.folder.iterdir() if path.suffix in ('.md', '.json')}
    assert own == {'study', 'table', 'data'}
    before = contents(store.folder)
    for name in own:
        with pytest.raises(CTError, match=f'tables.*{name}.*choose another name'):
            write_study_report(folder(tables={name: dict(type='DomainTable', arms=dict(m={}))}))
        (store.folder / 'study.json').write_bytes(before['study.json'])
    assert contents(store.folder) == before


@pytest.mark.parametrize('registry', [FIGURES, SCORES, TABLES])
def test_a_name_that_is_not_there_gets_the_near_one(registry):
    name = sorted(registry.module_dict)[0]
    with pytest.raises(KeyError, match=f'did you mean .{name}.'):
        registry.build(dict(type=f'{name}s'))


@pytest.mark.parametrize(
    ('more', 'value'),
    [
        (dict(table=dict(error='s.x')), dict(x='1')),
        (dict(table=dict(error='s.x')), dict(x=dict(y=1))),
        (dict(table=dict(error=dict(curve='s', x='x', y='y'))), dict(x=[1])),
        (dict(table=dict(error=dict(curve='s', x='x', y='y'))), dict(x=[1], y=[1, 2])),
        (dict(table=dict(error=dict(curve='s', x='x', y='y'))), dict(x=[], y=[])),
        (dict(table=dict(error=dict(relative='s'))), dict(gap_pct='1')),
        (dict(figures=dict(f=dict(type='ErrorArrows', x='s.x', y='s.x'))), dict(x=[1])),
        (dict(figures=dict(f=dict(type='ErrorArrows', x=3))), {}),
        (dict(figures=dict(f=dict(type='TrainingPaths', curve='s'))), dict(x=[1])),
        (dict(figures=dict(f=dict(type='ReplacedHalves', score='s'))), dict(error_pct=1)),
        (dict(figures=dict(f=dict(type='VarianceSpectra', score='s'))),
         dict(layers=dict(a=dict(quantiles=[1, 2])))),
        (dict(figures=dict(f=dict(type='DomainAccuracies', table='t'))), {}),
        (dict(tables=dict(t=dict(type='DomainTable', arms=[]))), {}),
        (dict(tables=dict(t=dict(type='DomainTable', arms=dict(m=dict(d=[]))))), {}),
        (dict(tables=dict(t=dict(
            type='DomainTable', arms=dict(m=dict(d=['a'])), pairs=dict(m={})))), {}),
        (dict(tables=dict(t=dict(
            type='DomainTable', arms=dict(m=dict(d=['a'])), baselines=dict(m=['n'])))), {}),
    ],
    ids=str,
)  # fmt: skip
def test_what_is_not_a_score_is_named(folder, more, value):
    with pytest.raises(CTError) as error:
        write_study_report(folder(dict(s=dict(settings='', value=value)), **more))
    assert '\n' not in str(error.value)


def test_scores_that_await_new_settings_are_left_out(folder):
    kept = dict(settings='old', images='old', value=dict(x=1.0))
    scores = dict(s=kept, other=kept, seen=dict(kept, images='others'),
                  made=dict(kept, given=dict(cifar=1)), batch=dict(kept, given=dict(size=1)),
                  same=dict(kept, given=dict(cifar=2, size=2, imagenet=1)))  # fmt: skip
    marks = dict(s='new', seen='old', made='old', batch='old', same='old')
    given = dict(batch=dict(size=2), same=dict(size=2))
    cells = [dict(key='k', role='training', arm='a', seed=0, point=None, scores=marks,
                  images='old', given=given)]  # fmt: skip
    table = dict(changed='s.x', kept='other.x', seen='seen.x', made='made.x', batch='batch.x',
                 same='same.x')  # fmt: skip
    write_study_report(
        store := folder(scores, table=table, cells=cells, revisions=dict(cifar=2))
    )
    (row,) = json.loads((store.folder / 'table.json').read_text())
    counts = {title: value['count'] for title, value in row['values'].items()}
    assert counts == dict(changed=0, kept=1, seen=0, made=0, batch=0, same=1)
