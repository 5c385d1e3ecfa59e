"""tools/study.py: studies of real digits; where it matters, in real processes."""

import json
import os
import re
import shutil
import signal
from argparse import Namespace
from pathlib import Path
from types import SimpleNamespace

import pytest
from small_network import MODEL
from study_files import SHARED, InThisProcess, results_of, starts_of, stopping, write_study
from tool_runs import (
    ROOT,
    contents,
    end,
    fork,
    log_of,
    run,
    same_weights,
    succeed,
    wait_until,
)

import mmct
from mmct.cli import studying
from mmct.runs import CTError
from mmct.studies import LEAVE_ONE_OUT, ORACLE, TRAINING_DOMAINS, LocalExecutor, StudyStore

STUDY = ROOT / 'tools' / 'study.py'
TWO = 'arms = dict(BN=dict(config=bn), none=dict(config=nobn, baseline="BN"))\nseeds = 2\n'
# Each of three domains left out, and each two; two draws of the learning rate.
DOMAINS = """
studies = __import__('importlib').import_module('mmct.studies')
data = dict(dataset=dict(type='MultiDomain', data_root={root!r}, holdout=0.5), num_workers=0)
common = dict(
    model={network},
    train_dataloader=data, val_dataloader=data, test_dataloader=data,
    train_cfg=dict(max_iters=2, val_interval=2),
)
made = studies.leave_one_out(
    ('art_painting', 'photo', 'sketch'), {config!r},
    {{'ERM': {{}}}}, {{'optim_wrapper.optimizer.lr': (0.0, -4, -1)}}, count=2, pairs=True, images=2)
arms = made['arms']
scores = dict(domains=dict(type='DomainScore'))
tables = dict(domains=dict(type='DomainTable', **made['table']))
figures = dict(domains=dict(type='DomainAccuracies'))
seeds = [3]
"""


@pytest.fixture(autouse=True)
def in_this_process(monkeypatch):
    monkeypatch.setattr('mmct.cli.studying.LocalExecutor', InThisProcess)


def in_processes_of_their_own(patch):
    """Cells, as they are run for users; they find the hooks of these tests."""
    patch.setattr('mmct.cli.studying.LocalExecutor', LocalExecutor)
    path = os.pathsep.join([str(ROOT / 'tests'), os.environ.get('PYTHONPATH', '')])
    patch.setenv('PYTHONPATH', path)


def study(folder, *argv):
    return succeed(STUDY, 'study.py', '--work-dir', 'out', *argv, cwd=folder)


def test_a_new_score_is_measured_of_networks_that_are_there(tmp_path):
    file = write_study(tmp_path, TWO)
    study(tmp_path)
    weights = {path: path.stat().st_mtime_ns for path in tmp_path.glob('out/runs/*/weights.pth')}
    file.write_text(
        file.read_text() + "scores.update(features=dict(type='FeatureReliance', images=64))\n"
    )
    study(tmp_path)
    assert set(starts_of(tmp_path / 'out').values()) == {1}
    assert {path: path.stat().st_mtime_ns for path in weights} == weights
    for result in results_of(tmp_path / 'out').values():
        assert set(result['scores']) == {'corruption', 'features'}


def test_a_teacher_without_weights_is_trained_again_where_a_student_needs_it(tmp_path):
    write_study(
        tmp_path,
        'arms = dict(CT=dict(config=ct, overlay=dict(custom_hooks=[hook])), BN=dict(config=bn))\n',
    )
    study(tmp_path)
    out = tmp_path / 'out'
    before = results_of(out)
    # As docs/studies.md allows.
    shutil.rmtree(out / 'runs')
    study(tmp_path)
    assert not (out / 'runs').exists()
    student = next(
        path for path in (out / 'results').glob('*.json')
        if json.loads(path.read_text())['title'] == 'CT, seed 0'
    )  # fmt: skip
    student.unlink()
    assert '3 cells, 2 to do' in study(tmp_path, '--dry-run').out
    study(tmp_path)
    assert len(starts_of(out)) == 2
    after = results_of(out)
    assert after['BN, seed 0'] == before['BN, seed 0']
    assert after['CT, seed 0']['scores'] == before['CT, seed 0']['scores']


OWN = '''
from mmct.studies import SCORES

@SCORES.register_module(force=True)
class Parameters:
    def __init__(self, name, factor=1):
        self.factor = factor

    def __call__(self, run):
        return dict(count=self.factor * sum(p.numel() for p in run.model().parameters()))
'''


def test_a_score_of_ones_own_is_measured_where_cells_run(tmp_path, monkeypatch):
    (tmp_path / 'own_scores.py').write_text(OWN)
    monkeypatch.syspath_prepend(tmp_path)
    write_study(
        tmp_path,
        "custom_imports = dict(imports=['own_scores'])\n"
        "scores = dict(size=dict(type='Parameters', factor=2))\n"
        "table = dict(size='size.count')\n",
    )
    study(tmp_path)
    (result,) = results_of(tmp_path / 'out').values()
    assert result['scores']['size']['value'] == dict(count=2 * result['parameters'])


def test_a_trial_that_is_chosen_is_a_cell_of_its_arm(tmp_path):
    # Trials without an overlay, with the study's first seed.
    points = '[dict(optim_wrapper=dict(optimizer=dict(lr=lr))) for lr in (1e-6, 0.1)]'
    write_study(
        tmp_path,
        # So many that one of them learns.
        'common["train_dataloader"]["dataset"]["indices"] = 320\n'
        f'arms = dict(BN=dict(config=bn, tuning=dict(points={points})))',
    )
    assert re.search(r'│ BN +│ +1 of 1 │', study(tmp_path).out)
    assert sorted(starts_of(tmp_path / 'out').values()) == [1, 1]
    results = results_of(tmp_path / 'out')
    assert set(results['BN, trial 0, seed 0']['scores']) == {'validation'}
    assert set(results['BN, trial 1, seed 0']['scores']) == {'validation', 'corruption'}
    # With what it has found, a second start plans the same.
    assert re.search(r'│ BN +│ +1 of 1 │', study(tmp_path).out)
    assert sorted(starts_of(tmp_path / 'out').values()) == [1, 1]


def test_arms_that_train_the_same_are_trained_once_and_both_shown(tmp_path):
    write_study(tmp_path, "arms = dict(one=dict(config=bn), two=dict(config=bn, baseline='one'))\n")
    assert '0 of 1 cells done' in study(tmp_path).out
    assert list(starts_of(tmp_path / 'out').values()) == [1]
    text = (tmp_path / 'out' / 'table.md').read_text()
    assert re.search(r'\| one +\| +1 of 1 \|', text)
    assert re.search(r'\| two +\| +1 of 1 \|', text)
    shown = study(tmp_path, '--dry-run').out
    assert '1 cells, 0 to do, which train for about 0 s with --jobs 1' in shown


def test_a_killed_cell_goes_on_where_it_was(tmp_path, monkeypatch):
    write_study(tmp_path, stopping(tmp_path / 'marker') + 'del arms["none"]\n')
    with monkeypatch.context() as patch:
        in_processes_of_their_own(patch)
        first = run(STUDY, 'study.py', '--work-dir', 'out', cwd=tmp_path)
    assert first.code == 2
    assert 'BN, seed 0: its process was killed by signal 9' in first.err
    study(tmp_path)
    assert set(results_of(tmp_path / 'out')) == {'BN, seed 0'}
    ((own, count),) = starts_of(tmp_path / 'out').items()
    assert count == 2
    logs = '\n'.join(p.read_text() for p in tmp_path.glob(f'out/runs/{own}/2*/*.log'))
    assert 'resumed epoch: 1' in logs
    # As one that never was stopped: the marker is there from the start.
    succeed(STUDY, 'study.py', '--work-dir', 'whole', cwd=tmp_path)
    files = [tmp_path / folder / 'runs' / own / 'weights.pth' for folder in ('out', 'whole')]
    assert starts_of(tmp_path / 'whole')[own] == 1
    assert same_weights(*files)


def test_a_failed_cell_is_shown_with_its_last_line_and_tried_again(tmp_path):
    write_study(tmp_path, stopping(tmp_path / 'marker', how='error'))
    first = run(STUDY, 'study.py', '--work-dir', 'out', cwd=tmp_path)
    assert first.code == 2
    assert 'BN, seed 0: failed: RuntimeError: the last line' in first.out
    assert '1 of 2 cells failed (BN, seed 0: RuntimeError: the last line)' in first.err
    (log,) = (text for p in tmp_path.glob('out/runs/*/log.txt')
              if 'Traceback' in (text := p.read_text()))  # fmt: skip
    assert 'first line' in log
    assert re.search(r'│ BN +│ +1 of 1 │', study(tmp_path).out)


HERE = """
import mmct.cli.studying, study_files
mmct.cli.studying.LocalExecutor = study_files.InThisProcess
"""


def test_two_studies_on_one_folder_never_run_a_cell_twice(tmp_path):
    write_study(tmp_path, TWO)
    argv = ('study.py', '--work-dir', 'out', '--seeds', '1')
    logs = ('one.txt', 'two.txt')
    both = [fork(tmp_path, STUDY, *argv, before=HERE, log=log) for log in logs]
    shown = [(end(job), (tmp_path / log).read_text()) for job, log in zip(both, logs, strict=True)]
    assert [code for code, _ in shown] == [0, 0], shown
    assert len(results_of(tmp_path / 'out')) == 2
    assert starts_of(tmp_path / 'out') == dict.fromkeys(starts_of(tmp_path / 'out'), 1)
    # Both have the whole table.
    assert [text.count('1 of 1') for _, text in shown] == [2, 2]


def spawned(pid):
    """The processes that a process has spawned and that live."""
    children = Path(f'/proc/{pid}/task/{pid}/children').read_text().split()
    return [int(child) for child in children if lives(child)]


def lives(pid):
    file = Path(f'/proc/{pid}/cmdline')
    return file.exists() and b'spawn_main' in file.read_bytes()


LONG = 'common["train_cfg"]["max_epochs"] = 500\n'


@pytest.mark.slow
@pytest.mark.parametrize('how', [signal.SIGINT, signal.SIGKILL])
def test_no_cell_outlives_its_study(tmp_path, how):
    write_study(tmp_path, LONG)
    job = fork(tmp_path, STUDY, 'study.py', '--work-dir', 'out')
    try:
        wait_until(lambda: list(tmp_path.glob('out/runs/*/epoch_2.pth')))
        (cell,) = spawned(job.pid)
        os.kill(job.pid, how)
        assert end(job) == (130 if how == signal.SIGINT else -9)
    finally:
        job.kill()
    if how == signal.SIGINT:
        assert 'stopped; run the same command again to continue' in log_of(tmp_path)
    wait_until(lambda: not lives(cell), seconds=10)
    assert results_of(tmp_path / 'out') == {}


def rows_of(shown):
    """The rows of a dry run's table."""
    rows = [[word.strip() for word in line.split('│')[1:-1]] for line in shown.splitlines()]
    return [row for row in rows if len(row) == 5]


def test_a_dry_run_lists_cells_and_writes_nothing(tmp_path):
    write_study(tmp_path, SHARED)
    shown = study(tmp_path, '--dry-run', '--jobs', '2').out
    assert rows_of(shown) == [
        ['BN', 'training', '2', '2', ''],
        ['none', 'tuning', '2', '2', ''],
        ['CT 1.0', 'teacher', '2', '2', ''],
        ['CT 1.0', 'training', '2', '2', ''],
        ['CT 2.0', 'training', '2', '2', ''],
        # Which they are is known when the trials have run.
        ['none', 'training', '2', '2', ''],
    ]
    # No time: nothing has run.
    assert shown.endswith('\n12 cells, 12 to do\n')
    assert not (tmp_path / 'out').exists()


def test_a_dry_run_knows_what_has_run_and_how_long_it_took(tmp_path):
    file = write_study(tmp_path, TWO)
    study(tmp_path, '--seeds', '1')
    shutil.rmtree(tmp_path / 'out' / 'runs')
    for result in (tmp_path / 'out' / 'results').glob('*.json'):
        found = json.loads(result.read_text())
        seconds = 60 if found['title'].startswith('BN') else 180
        result.write_text(json.dumps({**found, 'seconds': seconds}))
    file.write_text(file.read_text() + "arms.update(more=dict(config=bn, length=2))\n")
    shown = study(tmp_path, '--dry-run', '--seeds', '3', '--jobs', '2').out
    assert rows_of(shown) == [
        ['BN', 'training', '3', '2', '1 min 00 s'],
        ['none', 'training', '3', '2', '3 min 00 s'],
        ['more', 'training', '3', '3', ''],
    ]
    # 2 of one minute, 2 of three, and 3 like the mean of these; by two jobs.
    assert '9 cells, 7 to do, which train for about 7 min 00 s with --jobs 2' in shown


NO_DATA = """
nowhere = dict(_delete_=True, type='ImageNet', data_root='nowhere', split='train', pipeline=[])
common['train_dataloader']['dataset'] = nowhere
"""


def test_a_dry_run_needs_no_data(tmp_path):
    write_study(tmp_path, NO_DATA)
    assert '1 cells, 1 to do' in study(tmp_path, '--dry-run').out
    result = run(STUDY, 'study.py', '--work-dir', 'out', cwd=tmp_path)
    assert result.code == 2
    assert "arm 'BN' cannot be trained: " in result.err
    assert not (tmp_path / 'out').exists()


WRONG = {
    'a backbone that does not build': (
        "arms.update(bad=dict(config=bn, overlay=dict(model=dict(backbone=dict(depth=17)))))",
        "arm 'bad' cannot be built: invalid depth 17",
    ),
    'a config without BN': (
        "arms.update(bad=dict(config=nobn, overlay=dict(model=dict(backbone=dict("
        "norm_cfg=dict(type='GN', num_groups=2))))))",
        "arm 'bad' cannot be built: CT and the removal of BN need a network with BN, but this one",
    ),
    'a typo in the config': ("arms.update(bad=dict(config='bn_resnet18.py'))", 'does not exist'),
    'a score that is not there': (
        "scores.update(bad=dict(type='CorruptionScores'))",
        "score 'bad': ",
    ),
    'a figure that is not there': (
        "figures = dict(bad=dict(type='ErrorArrow'))", "figure 'bad': ",
    ),
    'a figure of unknown settings': (
        "figures = dict(bad=dict(type='ErrorArrows', z=1))", "figure 'bad': ",
    ),
    'repeated seeds': ('seeds = [1, 1]', 'seeds: 1 occurs twice'),
}  # fmt: skip


@pytest.mark.parametrize(('text', 'message'), WRONG.values(), ids=WRONG)
def test_a_dry_run_finds_what_would_fail_after_hours(tmp_path, text, message):
    write_study(tmp_path, text)
    result = run(STUDY, 'study.py', '--work-dir', 'out', '--dry-run', cwd=tmp_path)
    assert result.code == 2
    (line,) = [line for line in result.err.splitlines() if line.startswith('study.py: error: ')]
    assert message in line
    assert 'Traceback' not in result.err
    assert not (tmp_path / 'out').exists()


def test_a_score_without_its_data_is_found_before_anything_is_trained(tmp_path):
    data = "dict(type='ArrayCorruptionSet', data_root='no/data')"
    bad = f"dict(type='CorruptionScore', dataset={data})"
    write_study(tmp_path, f'arms.update(two=dict(config=nobn, scores=dict(bad={bad})))')
    result = run(STUDY, 'study.py', '--work-dir', 'out', cwd=tmp_path)
    assert result.code == 2
    assert "score 'bad': ArrayCorruptionSet: folder no/data does not exist; tools/" in result.err
    assert not (tmp_path / 'out').exists()
    assert '2 cells, 2 to do' in study(tmp_path, '--dry-run').out


def test_a_folder_of_another_version_is_refused_and_left_alone(tmp_path):
    write_study(tmp_path)
    (tmp_path / 'out').mkdir()
    (tmp_path / 'out' / 'study.json').write_text('{"schema": "mmct-study", "schema_version": 0}')
    before = contents(tmp_path)
    for more in ((), ('--dry-run',), ('--report-only',)):
        result = run(STUDY, 'study.py', '--work-dir', 'out', *more, cwd=tmp_path)
        assert result.code == 2
        assert 'from another version of mmct' in result.err
    assert contents(tmp_path) == before


def test_a_report_shows_what_the_config_says_now_of_the_runs_that_there_are(tmp_path):
    file = write_study(tmp_path)
    store = StudyStore(tmp_path / 'out')
    arm = dict(group='BN', variant='', baselines=[], points=None, chosen=None)
    cells = [dict(key=f'k{seed}', role='training', arm='BN', seed=seed) for seed in (0, 1)]
    table = dict(error='corruption.clean_error_pct')
    store.keep_plan(dict(seeds=[0, 1], arms=dict(BN=arm), cells=cells, table=table, figures={}))
    value = dict(clean_error_pct=4.0, raw_mce_pct=7.0, gap_pct=3.0)
    score = dict(settings='', value=value)
    for cell in cells:
        result = dict(title='BN', diverged=None, scores=dict(corruption=score))
        store.keep_result(cell['key'], result)
    before = contents(tmp_path)
    for argv, said in (
        (['--seeds', '1'], '--seeds 1: --report-only runs nothing'),
        (['--seeds', '3'], 'has the seeds 0, 1\n'),
        (['--cfg-options', 'common.train_cfg.max_epochs=2'], 'max_epochs=2: --report-only runs'),
        (['--cfg-options', 'table.a=corruption.gap_pct', 'arms.BN.length=2'], 'length=2: --rep'),
        (['--cfg-options', 'table.a=error.gap_pct'], "there is no score 'error'"),
    ):
        result = run(STUDY, 'study.py', '--work-dir', 'out', '--report-only', *argv, cwd=tmp_path)
        assert result.code == 2 and said in result.err, result.err
    assert contents(tmp_path) == before
    tables = dict(domains=dict(type='DomainTable', arms=dict(m=dict(d=['BN']))))
    file.write_text(
        f"{file.read_text()}table = dict(gap='corruption.gap_pct')\ntables = {tables!r}\n"
        "figures = dict(errors=dict(type='ErrorArrows'))\n"
    )
    further = ['--cfg-options', 'table.mCE=corruption.raw_mce_pct']
    study(tmp_path, '--report-only', '--seeds', '2', *further)
    (row,) = json.loads((store.folder / 'table.json').read_text())
    assert {title: value['mean'] for title, value in row['values'].items()} == dict(gap=3, mCE=7)
    assert {'domains.md', 'errors.png'} <= {path.name for path in store.folder.iterdir()}
    # Others see the same in the folder alone.
    plan = StudyStore(store.folder).plan()
    assert [*plan['table']] == ['gap', 'mCE'] and plan['tables'] == tables


@pytest.mark.parametrize(
    ('argv', 'message'),
    [
        (['--jobs', '0'], 'must be 1 or more, got 0'),
        (['--seeds', 'two'], 'must be 1 or more, got two'),
        (['--ray-address', 'host:1'], '--ray-address needs --executor ray'),
        (['--dry-run', '--report-only'], 'exclude each other'),
        (['--report-only'], 'has no study.json: run the study first'),
        (['--executor', 'rye'], 'invalid choice'),
        (
            ['--cfg-options', 'train_cfg.max_epochs=2'],
            'the config has no train_cfg; choose from common, ',
        ),
        (['--cfg-options', 'hook.on_weak_teacher=stop'], 'hook is a variable, from which '),
    ],
)
def test_a_wrong_command_line_is_explained(tmp_path, argv, message):
    write_study(tmp_path)
    result = run(STUDY, 'study.py', '--work-dir', 'out', *argv, cwd=tmp_path)
    assert result.code == 2
    assert message in result.err
    assert not (tmp_path / 'out').exists()


def test_a_study_that_is_not_there_is_named(tmp_path):
    result = run(STUDY, 'studies.py', cwd=tmp_path)
    assert result.code == 2
    assert 'studies.py' in result.err


def test_each_domain_is_left_out_in_turn_and_settings_are_selected(tmp_path, pictures):
    for name in ('art_painting', 'photo', 'sketch'):
        shutil.copytree(pictures / name, tmp_path / 'three' / name)
    config = mmct.config_path('erm_resnet18w16_pacs64')
    text = DOMAINS.format(root=str(tmp_path / 'three'), config=config, network=MODEL)
    (tmp_path / 'study.py').write_text(text)
    # Three domains and three pairs, with each draw.
    assert '12 cells, 12 to do' in study(tmp_path, '--dry-run').out
    study(tmp_path, '--jobs', '2')
    results = results_of(tmp_path / 'out')
    assert len(results) == 12
    scores = {name: found['scores']['domains']['value'] for name, found in results.items()}
    assert set(scores['photo, ERM, draw 1, seed 3']['test_pct']) == {'photo'}
    assert set(scores['photo and sketch, ERM, draw 1, seed 3']['test_pct']) == {'photo', 'sketch'}
    table = json.loads((tmp_path / 'out' / 'domains.json').read_text())
    assert list(table) == [TRAINING_DOMAINS, LEAVE_ONE_OUT, ORACLE]
    for rows in table.values():
        for name in ('art_painting', 'photo', 'sketch'):
            possible = [scores[f'{name}, ERM, draw {d}, seed 3']['test_pct'][name] for d in (0, 1)]
            assert rows['ERM'][name]['mean'] in possible
    best = max((0, 1), key=lambda d: scores[f'photo, ERM, draw {d}, seed 3']['validation_pct'])
    selected = scores[f'photo, ERM, draw {best}, seed 3']['test_pct']['photo']
    assert table[TRAINING_DOMAINS]['ERM']['photo']['mean'] == selected
    assert (tmp_path / 'out' / 'domains.png').stat().st_size > 0


@pytest.mark.parametrize('diverged', [{}, {'A': 'no point of A can be trained'}])
def test_all_that_went_wrong_is_said(monkeypatch, tmp_path, diverged):
    cell = SimpleNamespace(key='k', title='B, seed 0')
    ended = SimpleNamespace(
        finished={'x': {}}, failed={'k': 'CUDA out of memory'}, entries=[cell], total=2
    )
    monkeypatch.setattr(studying, 'run_study', lambda *args: ended)
    monkeypatch.setattr(studying, 'report', fail)
    planner = SimpleNamespace(diverged=diverged, study=SimpleNamespace(table={}))
    args = Namespace(executor='local', jobs=1)
    with pytest.raises(CTError) as error:
        studying.run(planner, StudyStore(tmp_path), args)
    failed = 'B, seed 0: CUDA out of memory'
    for said in (*diverged.values(), failed, 'run the command again', 'no table'):
        assert said in str(error.value)


def fail(store):
    raise CTError('no table')
