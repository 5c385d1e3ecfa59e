"""Files are whole, and go when they are told to."""

import json
import platform
import subprocess
import sys

import pytest
from mmengine.fileio import get_file_backend

from mmct.runs import CTError, LockedError, lock_folder
from mmct.runs.checkpoint import WholeFileBackend
from mmct.runs.files import temporary_name, write_bytes, write_json, write_whole


def test_an_interrupted_write_keeps_the_old_file(tmp_path):
    file = tmp_path / 'x.json'
    write_json(file, dict(a=1))

    def interrupted(path):
        path.write_text('half')
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_whole(file, interrupted)
    assert file.read_text() == '{\n  "a": 1\n}\n'
    assert [path.name for path in tmp_path.iterdir()] == ['x.json']


def test_processes_that_write_one_file_at_once_leave_it_whole(tmp_path):
    file = tmp_path / 'x.json'
    program = (
        'import sys\n'
        'from pathlib import Path\n'
        'from mmct.runs.files import write_json\n'
        'for number in range(60):\n'
        '    write_json(Path(sys.argv[1]), dict(mine=[number] * 4000))\n'
    )
    jobs = [subprocess.Popen([sys.executable, '-c', program, file]) for _ in range(3)]
    found = []
    while any(job.poll() is None for job in jobs):
        if file.exists():
            found.append(len(json.loads(file.read_text())['mine']))
    assert [job.wait() for job in jobs] == [0, 0, 0]
    assert set(found) == {4000}
    assert [path.name for path in tmp_path.iterdir()] == ['x.json']


def test_what_a_killed_process_left_is_removed(tmp_path):
    gone = subprocess.Popen([sys.executable, '-c', ''])
    gone.wait()
    others = temporary_name(tmp_path / 'x.json', 'another-machine-1')
    left = temporary_name(tmp_path / 'x.json', f'{platform.node()}-{gone.pid}')
    left.write_text('half')
    others.write_text('half')
    write_json(tmp_path / 'x.json', 1)
    assert {path.name for path in tmp_path.iterdir()} == {'x.json', others.name}


def test_who_reads_the_old_file_is_not_disturbed(tmp_path):
    file = tmp_path / 'x.json'
    write_json(file, dict(a=1))
    with file.open() as opened:
        write_json(file, dict(a=2))
        assert opened.read() == '{\n  "a": 1\n}\n'


def test_a_folder_is_locked_once(tmp_path):
    lock = lock_folder(tmp_path / 'run', 'use another')
    with pytest.raises(LockedError, match='run: wait for it, or use another'):
        lock_folder(tmp_path / 'run', 'use another')
    lock.release()
    lock_folder(tmp_path / 'run', 'use another').release()


def test_mmengine_finds_the_backend():
    backend = get_file_backend('any', backend_args=dict(backend='whole_file'))
    assert isinstance(backend, WholeFileBackend)


def test_a_file_is_there_until_the_outdated_are_removed(tmp_path):
    backend = WholeFileBackend()
    old, new = tmp_path / 'folder' / 'old', tmp_path / 'folder' / 'new'
    backend.put(b'old', str(old))
    backend.remove(str(old))
    assert old.read_bytes() == b'old'
    backend.put(b'new', str(new))
    backend.remove_outdated()
    assert [path.name for path in new.parent.iterdir()] == ['new']


def test_what_cannot_be_written_is_named(tmp_path):
    (tmp_path / 'file').touch()
    with pytest.raises(CTError, match='file/x was not written'):
        WholeFileBackend().put(b'', str(tmp_path / 'file' / 'x'))


def test_nothing_of_the_users_is_written_into_or_removed(tmp_path):
    mine, link = tmp_path / 'mine', temporary_name(tmp_path / 'net.pth')
    mine.write_text('mine')
    link.symlink_to(mine)
    (tmp_path / 'net.pth.tmp').write_text('mine')
    write_bytes(tmp_path / 'net.pth', b'content')
    assert (tmp_path / 'net.pth').read_bytes() == b'content'
    assert not (tmp_path / 'net.pth').is_symlink()
    assert mine.read_text() == (tmp_path / 'net.pth.tmp').read_text() == 'mine'
    assert not link.exists()
