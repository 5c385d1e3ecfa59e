"""Workers do the tasks, a few at a time, and their death is told."""

import os
import signal
import time
from multiprocessing import forkserver

import pytest
from worker_tasks import die, fail, label, pid_after

from mmct.corruption_sets import Source, SourceConfig
from mmct.corruption_sets.workers import Workers
from mmct.runs import CTError

CONFIG = SourceConfig(
    dict(type='Digits', split='test', pipeline=[dict(type='PackInputs')]), 'mmpretrain', None
)


def test_tasks_are_taken_as_they_are_done():
    taken, results = [], {}

    def tasks():
        for index in range(40):
            taken.append(index)
            yield index, 100

    with Workers(CONFIG, 2) as workers:
        for (index, _), result in workers.run(label, tasks()):
            results[index] = result
            assert len(taken) <= len(results) + 4
    source = Source(CONFIG)
    assert results == {index: source.read(index)[1] + 100 for index in range(40)}


def test_a_killed_worker_is_one_line():
    with pytest.raises(CTError, match='a worker process was killed'), Workers(CONFIG, 2) as workers:
        list(workers.run(die, [()]))


@pytest.mark.parametrize('raised, seen', [(ValueError, ValueError), (MemoryError, CTError)])
def test_errors_come_through(raised, seen):
    with pytest.raises(seen), Workers(CONFIG, 1) as workers:
        list(workers.run(fail, [(raised,)]))


def test_an_error_here_ends_them_at_once():
    with pytest.raises(KeyboardInterrupt), Workers(CONFIG, 1) as workers:
        _, pid = next(workers.run(pid_after, [(0,), (600,)]))
        raise KeyboardInterrupt
    for _ in range(100):
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return
        time.sleep(0.1)
    raise AssertionError('the worker is still there')


def test_an_error_here_ends_a_server_that_is_still_importing(monkeypatch):
    own = forkserver.ForkServer()
    monkeypatch.setattr(forkserver, '_forkserver', own)
    monkeypatch.setattr(forkserver, 'ensure_running', own.ensure_running)
    with pytest.raises(KeyboardInterrupt), Workers(CONFIG, 1):
        raise KeyboardInterrupt
    _, status = os.waitpid(own._forkserver_pid, 0)
    assert os.WTERMSIG(status) == signal.SIGKILL
