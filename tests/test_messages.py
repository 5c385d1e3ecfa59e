"""What error messages share."""

import pytest

from mmct.datasets import ArrayCorruptionSet
from mmct.evaluation import read_result
from mmct.messages import absent
from mmct.runs.configs import load_config
from mmct.runs.errors import CTError
from mmct.scoring.images import open_images


def test_a_missing_file_is_named_with_a_similar_one_beside_it(tmp_path):
    (tmp_path / 'epoch_8.pth').touch()
    missing = tmp_path / 'epoch_9.pth'
    assert absent(missing) == f"{missing} does not exist: did you mean 'epoch_8.pth'?"
    for far in (tmp_path / 'x', tmp_path / 'no' / 'epoch_9.pth'):
        assert absent(str(far)) == f'{far} does not exist'


def test_what_is_there_but_of_the_other_kind_is_not_said_to_be_missing(tmp_path):
    file = tmp_path / 'notes.txt'
    file.touch()
    assert absent(file) == f'{file} is a file, but a folder is needed'
    assert absent(tmp_path) == f'{tmp_path} is a folder, but a file is needed'
    with pytest.raises(CTError, match=r'folder .*notes.txt is a file'):
        open_images(file)
    with pytest.raises(FileNotFoundError, match='result file .* is a folder'):
        read_result(tmp_path)
    with pytest.raises(CTError, match='config file .* is a folder'):
        load_config(str(tmp_path))
    with pytest.raises(FileNotFoundError, match=r'folder .*notes.txt is a file'):
        ArrayCorruptionSet(data_root=str(file))
