"""Class folders and file names, of the layout of ImageNet-C."""

from types import SimpleNamespace

import numpy as np
import pytest

from mmct.corruption_sets.layouts import FolderLayout, check_names, class_folders
from mmct.runs import CTError
from mmct.runs.files import temporary_name


def source(folders=None, classes=None):
    return SimpleNamespace(
        class_folders=folders,
        classes=classes,
        path='data/{}/x.png'.format,
        file_name=lambda index: 'x.jpg',
    )


@pytest.mark.parametrize(
    'found, labels, expected',
    [
        (source(['ant', 'bee']), [0, 0], ('ant', 'bee')),
        (source(classes=['b', 'a']), [1, 0], ('0', '1')),
        (source(classes=None), [0, 10], tuple(f'{i:02d}' for i in range(11))),
    ],
)
def test_folders_sort_as_their_labels(found, labels, expected):
    assert class_folders(found, np.array(labels)) == expected


def test_images_of_one_name_are_refused():
    names = np.array([7, 3, 5, 3], np.uint64)
    with pytest.raises(CTError, match='data/4/x.png and data/8/x.png would both'):
        check_names(source(), np.array([2, 4, 6, 8]), names)
    check_names(source(), np.array([2, 4, 6]), names[:3])


def test_classes_without_images_have_folders_too_and_what_a_killed_process_left_is_gone(tmp_path):
    layout = FolderLayout(tmp_path, tmp_path / 'work', (2, 3), 0, 'cifar', ('a', 'b'))
    image, left = (tmp_path / 'work' / 'fog' / '2' / 'a' / name for name in ('x.jpg', 'y.jpg'))
    image.parent.mkdir(parents=True)
    image.touch()
    temporary_name(left, 'elsewhere-7').touch()
    layout.finish('fog')
    assert [path.name for path in tmp_path.rglob('*') if path.is_file()] == ['x.jpg']
    folders = sorted(p.relative_to(tmp_path).as_posix() for p in tmp_path.glob('fog/*/*'))
    assert folders == ['fog/2/a', 'fog/2/b', 'fog/3/a', 'fog/3/b']
