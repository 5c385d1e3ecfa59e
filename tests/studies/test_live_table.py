"""What a running study shows."""

import io
import time
from types import SimpleNamespace

import pytest
from mmct.studies.progress import Progress
from mmct.studies.status import Status
from mmengine.config import Config
from rich.console import Console

from mmct.studies import Cell, LiveTable, StudyStore
from mmct.studies.live_table import shown

COLUMNS = dict(error='errors.clean')


def cell(key, arm='a', role='training', seed=0, point=None):
    return Cell(key, role, arm, seed, Config(), {}, (), point)


def result(error=None):
    scores = {} if error is None else dict(errors=dict(value=dict(clean=error)))
    return dict(diverged=None if scores else 'nan', scores=scores)


def finish(progress, key, found):
    progress.results[key] = found
    progress.finish(key)


@pytest.fixture
def progress(tmp_path):
    arms = [SimpleNamespace(name='a'), SimpleNamespace(name='b')]
    study = SimpleNamespace(name='name', arms=arms, seeds=(0, 1))
    made = Progress(study, StudyStore(tmp_path))
    made.set_cells([cell('one'), cell('two', seed=1), cell('try', 'b', 'tuning', point=0)])
    return made


def text(progress, width=200):
    out = io.StringIO()
    Console(file=out, width=width).print(LiveTable(COLUMNS, 1).table(progress))
    return out.getvalue()


def test_the_table_tells_state_scores_and_what_is_done(progress, tmp_path):
    progress.started('one')
    finish(progress, 'one', result(12.5))
    progress.started('two')
    progress.set_running(['two'])
    folder = tmp_path / 'runs' / 'two'
    folder.mkdir(parents=True)
    Status(folder).say('trains', 0.4)
    progress.failed['try'] = 'the last line'
    seen = text(progress)
    assert 'seeds 1 of 2, trains 40 %' in seen
    assert '12.50' in seen
    assert 'trials 0 of 1, failed: the last line; seeds 0 of 2' in seen
    # The arm that is being tuned will have two cells more.
    assert '1 of 5 cells done, 1 running, 1 failed' in seen


def test_divergence_is_no_failure(progress):
    finish(progress, 'try', result())
    assert 'trials 1 of 1, diverged' in text(progress)


def test_the_time_left_is_that_of_cells_alike(progress):
    assert progress.seconds_left(1) is None
    progress._running['one'] = time.monotonic() - 60
    finish(progress, 'one', result(1))
    # The other seed and three more; the cells of an arm still unknown as the mean.
    assert progress.seconds_left(1) == pytest.approx(4 * 60, abs=5)
    assert progress.seconds_left(2) == pytest.approx(2 * 60, abs=5)


def test_without_a_terminal_what_changes_is_printed_once(progress, capsys):
    table = LiveTable(COLUMNS, 1, Console(file=io.StringIO(), force_terminal=False))
    with table:
        table.show(progress)
        progress.started('one')
        table.show(progress)
        table.show(progress)
        progress.failed['two'] = 'the last line'
        table.show(progress)
    assert capsys.readouterr().out.splitlines() == [
        'name: 0 of 5 cells done, 0 running',
        'a, seed 0: running',
        'a, seed 1: failed: the last line',
    ]


def test_a_mean_is_shown_with_its_error():
    value = dict(mean=1.234, standard_error=0.056, count=3)
    assert shown(value) == '1.23 ± 0.06'
    assert shown(value, sign=True) == '+1.23 ± 0.06'
    assert shown({**value, 'standard_error': None}) == '1.23'
    assert shown(dict(mean=None, standard_error=None, count=0)) == ''
