"""What a running study shows."""

import io
import time
from types import SimpleNamespace

import pytest
from mmengine.config import Config
from rich.console import Console

from mmct.studies import Cell, LiveTable, StudyProgress, StudyStore
from mmct.studies.store import Status

COLUMNS = dict(error='errors.clean')


def cell(key, arm='a', role='training', seed=0, point=None):
    return Cell(key, role, arm, seed, Config(), {}, (), point)


def result(error=None):
    scores = {} if error is None else dict(errors=dict(value=dict(clean=error)))
    return dict(title='one', diverged=None if scores else 'nan', scores=scores)


@pytest.fixture
def progress():
    study = SimpleNamespace(name='name', arms=dict(a=None, b=None), seeds=(0, 1))
    made = StudyProgress(study)
    made.entries = [cell('one'), cell('two', seed=1), cell('try', 'b', 'tuning', point=0)]
    return made


@pytest.fixture
def text(tmp_path):
    """What is shown of a progress."""

    def make(progress):
        out = io.StringIO()
        table = LiveTable(StudyStore(tmp_path), COLUMNS)
        Console(file=out, width=200).print(table.render(progress))
        return out.getvalue()

    return make


def test_the_table_tells_state_scores_and_what_is_done(progress, text, tmp_path):
    progress.finished['one'] = result(12.5)
    progress.running = ['two']
    folder = tmp_path / 'runs' / 'two'
    folder.mkdir(parents=True)
    Status(folder).say('trains', 0.4)
    progress.failed['try'] = 'the last [line]'
    lines = [' '.join(line.split()) for line in text(progress).splitlines()]
    assert any('seeds 1 of 2 │ 12.50' in line for line in lines)
    assert any('trials 0 of 1, failed: the last [line]; seeds 0 of 2' in line for line in lines)
    (bar,) = (line for line in lines if line.startswith('a, seed 1 trains'))
    assert bar.endswith('40 %')
    # The arm that is being tuned will have two cells more.
    assert '1 of 5 cells done, 1 running, 1 failed' in lines[0]


def test_a_column_that_cannot_be_shown_stops_nothing(progress, tmp_path):
    progress.finished['one'] = result(12.5)
    out = io.StringIO()
    table = LiveTable(StudyStore(tmp_path), dict(all='errors', error='errors.clean'))
    Console(file=out, width=200).print(table.render(progress))
    assert '12.50' in out.getvalue()


def test_divergence_is_no_failure(progress, text):
    progress.finished['try'] = result()
    assert 'trials 1 of 1, 1 diverged' in text(progress)


def test_what_was_there_before_says_nothing_of_the_time_left(progress, monkeypatch):
    progress.finished['one'] = result(1)
    now = time.monotonic()
    monkeypatch.setattr(time, 'monotonic', lambda: now)
    progress.begin()
    now += 60
    assert progress.seconds_left is None
    progress.finished['two'] = result(1)
    # Three are left: the trial, and two cells that are not known yet.
    assert progress.seconds_left == pytest.approx(3 * 60)
    progress.failed['try'] = 'the last line'
    assert progress.seconds_left == pytest.approx(2 * 60)


def test_the_time_left_counts_what_runs_and_not_what_was_trained_before(progress, monkeypatch):
    now = time.monotonic()
    monkeypatch.setattr(time, 'monotonic', lambda: now)
    progress.begin()
    # One goes on at half, another is new.
    progress.run(dict(one=0.5, two=0.0))
    assert progress.seconds_left is None
    now += 60
    progress.run(dict(one=0.75, two=0.25))
    # Half a training, which is 0.8 of a cell, a minute; 4.2 cells are left of five.
    assert progress.seconds_left == pytest.approx(4.2 / 0.4 * 60)
    progress.finished['one'] = result(1)
    progress.run(dict(two=0.5))
    # Of one 0.6, of the other 0.4; 3.6 are left.
    assert progress.seconds_left == pytest.approx(3.6 * 60)


def test_the_time_left_of_new_scores_is_not_that_of_trainings(progress, monkeypatch):
    progress.results.update(one=result(1), two=result(1))
    now = time.monotonic()
    monkeypatch.setattr(time, 'monotonic', lambda: now)
    progress.begin()
    progress.run(dict(one=1.0))
    now += 60
    assert progress.seconds_left is None
    progress.finished['one'] = result(1)
    # A fifth of a cell a minute: the other's scores take one, three cells fifteen.
    assert progress.seconds_left == pytest.approx(16 * 60)


def test_without_a_terminal_what_changes_is_printed_once(progress, capsys, tmp_path):
    console = Console(file=io.StringIO(), force_terminal=False)
    with LiveTable(StudyStore(tmp_path), COLUMNS, console) as table:
        table.show(progress)
        progress.running = ['one']
        table.show(progress)
        table.show(progress)
        progress.failed['two'] = 'the last line'
        table.show(progress)
    assert capsys.readouterr().out.splitlines() == [
        'name: 0 of 5 cells done, 0 running',
        'a, seed 0: running',
        'a, seed 1: failed: the last line',
    ]
