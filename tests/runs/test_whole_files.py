"""A file is written whole or stays as it was."""

import pytest

from mmct.runs.files import write_json, write_whole


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
