"""What error messages share."""

from mmct.messages import absent


def test_a_missing_file_is_named_with_a_similar_one_beside_it(tmp_path):
    (tmp_path / 'epoch_8.pth').touch()
    missing = tmp_path / 'epoch_9.pth'
    assert absent(missing) == f"{missing} does not exist: did you mean 'epoch_8.pth'?"
    for far in (tmp_path / 'x', tmp_path / 'no' / 'epoch_9.pth'):
        assert absent(str(far)) == f'{far} does not exist'
