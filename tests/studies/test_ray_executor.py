"""Studies on Ray, with a cluster that the tests start."""

import os
import socket
import subprocess
import sys
import time

import pytest
from study_files import results_of, starts_of, stopping, write_study
from tool_runs import ROOT, run, succeed

from mmct.runs import CTError
from mmct.studies import RayExecutor, ray_executor

pytestmark = pytest.mark.slow

STUDY = ROOT / 'tools' / 'study.py'
ARGV = ('study.py', '--work-dir', 'out', '--executor', 'ray')


def free_port():
    with socket.socket() as free:
        free.bind(('127.0.0.1', 0))
        return free.getsockname()[1]


@pytest.fixture(autouse=True)
def environment(monkeypatch):
    path = os.pathsep.join([str(ROOT / 'tests'), os.environ.get('PYTHONPATH', '')])
    for name, value in dict(
        PYTHONPATH=path, RAY_AUTH_MODE='disabled', RAY_USAGE_STATS_ENABLED='0'
    ).items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv('RAY_ADDRESS', raising=False)


@pytest.fixture
def cluster(environment):
    """The address of a cluster of one machine."""
    port = free_port()
    command = [sys.executable, '-m', 'ray.scripts.scripts', 'start', '--head', '--block',
               f'--port={port}', '--num-cpus=2', '--include-dashboard=false']  # fmt: skip
    head = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    end = time.monotonic() + 60
    for line in head.stdout:
        assert time.monotonic() < end
        if 'Ray runtime started' in line:
            break
    yield f'127.0.0.1:{port}'
    head.terminate()
    head.communicate(timeout=60)


def test_the_cell_of_a_dead_worker_is_tried_elsewhere(tmp_path, cluster):
    write_study(tmp_path, stopping(tmp_path / 'marker'))
    # It dies once; the study needs no second start.
    succeed(STUDY, *ARGV, '--ray-address', cluster, '--jobs', '2', cwd=tmp_path)
    assert (tmp_path / 'marker').is_file()
    assert sorted(results_of(tmp_path / 'out')) == ['BN, seed 0', 'none, seed 0']
    assert sorted(starts_of(tmp_path / 'out').values()) == [1, 2]
    logs = [log.read_text() for log in (tmp_path / 'out').glob('runs/*/log.txt')]
    assert sum('resumed epoch: 1' in log for log in logs) == 1


def test_a_study_starts_a_ray_of_its_own_and_shows_what_failed(tmp_path):
    write_study(tmp_path, stopping(tmp_path / 'marker', how='error'))
    first = run(STUDY, *ARGV, '--jobs', '2', cwd=tmp_path)
    assert first.code == 2
    assert '1 of 2 cells failed (BN, seed 0: RuntimeError: the last line)' in first.err
    assert '│ none │ 1 of 1 │' in first.out.replace('|', '│')


def silent_server():
    server = socket.socket()
    server.bind(('127.0.0.1', 0))
    server.listen()
    return server


def test_an_address_that_does_not_answer_is_said_before_anything_is_written(tmp_path, monkeypatch):
    monkeypatch.setattr(ray_executor, '_PATIENCE', 3)
    write_study(tmp_path, stopping(tmp_path / 'marker'))
    with silent_server() as server:
        for port in (free_port(), server.getsockname()[1]):
            address = f'127.0.0.1:{port}'
            result = run(STUDY, *ARGV, '--ray-address', address, cwd=tmp_path)
            assert result.code == 2
            assert f'no Ray answers at {address} within 3 s: start one with' in result.err
    assert not (tmp_path / 'out').exists()


def test_an_address_that_is_none_is_said(tmp_path):
    write_study(tmp_path, stopping(tmp_path / 'marker'))
    result = run(STUDY, *ARGV, '--ray-address', 'nonsense', cwd=tmp_path)
    assert result.code == 2
    assert 'no Ray answers at nonsense: ' in result.err


def test_without_ray_it_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, 'ray', None)
    with pytest.raises(CTError, match='needs Ray: pip install ray'):
        RayExecutor(1)


def test_modules_are_found_where_the_study_finds_them(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, 'path', list(sys.path))
    monkeypatch.setattr(ray_executor, 'log_of', lambda cell, folder: None)
    monkeypatch.setattr(ray_executor, 'log_to_file', lambda log: None)
    monkeypatch.setattr(ray_executor, 'run_cell', lambda cell, folder: list(sys.path))
    beside = str(tmp_path / 'beside')
    before = list(sys.path)
    found = ray_executor._on_worker(None, None, str(tmp_path), [*before, beside])
    assert found == [*before, beside]
