"""Files are whole, and go when they are told to."""

import pytest
from mmengine.fileio import get_file_backend

from mmct.runs import CTError, WholeFileBackend


def test_mmengine_finds_it():
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
