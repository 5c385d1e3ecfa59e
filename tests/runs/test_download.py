"""Downloads from a local server that breaks off and refuses."""

import os

import numpy as np
import pytest

from mmct.runs import CTError
from mmct.runs.download import download

CONTENT = np.random.default_rng(0).integers(0, 256, 300_000, np.uint8).tobytes()


def test_a_download_goes_on_where_it_broke_off(server, tmp_path):
    server.files['a'], server.cuts = CONTENT, [100_000, 0, 50_000]
    download(server.url('a'), tmp_path / 'a')
    assert (tmp_path / 'a').read_bytes() == CONTENT
    assert server.ranges == [None, 'bytes=100000-', 'bytes=100000-', 'bytes=150000-']
    assert [path.name for path in tmp_path.iterdir()] == ['a']


def test_from_a_server_that_cannot_resume_it_begins_again(server, tmp_path):
    server.files['a'], server.cuts, server.resumes = CONTENT, [100_000], False
    download(server.url('a'), tmp_path / 'a')
    assert (tmp_path / 'a').read_bytes() == CONTENT


def test_one_that_gets_nowhere_ends_and_another_process_goes_on(server, tmp_path, monkeypatch):
    server.files['a'], server.cuts = CONTENT, [100_000] + [0] * 4
    message = 'only 100,000 of 300,000 bytes arrived.*run the same command again'
    with pytest.raises(CTError, match=message) as error:
        download(server.url('a'), tmp_path / 'a')
    assert '\n' not in str(error.value) and not (tmp_path / 'a').exists()
    server.ranges.clear()
    monkeypatch.setattr(os, 'getpid', lambda: 1)
    download(server.url('a'), tmp_path / 'a')
    assert server.ranges == ['bytes=100000-']
    assert (tmp_path / 'a').read_bytes() == CONTENT


def test_what_is_not_there_is_asked_for_once(server, tmp_path):
    with pytest.raises(CTError, match='nowhere failed after 0 MB .*404'):
        download(server.url('nowhere'), tmp_path / 'a')
    assert len(server.ranges) == 1
