"""The tool that draws all corruptions of an image."""

import re

import numpy as np
import pytest
from corruption_images import make_images
from PIL import Image
from tool_runs import ROOT, run, succeed

from mmct.cli.draw import load
from mmct.corruptions import CORRUPTIONS, corrupt
from mmct.runs.errors import CTError

DRAW = ROOT / 'tools' / 'draw_corruptions.py'


@pytest.fixture
def photograph(tmp_path):
    Image.fromarray(make_images(1, 60, 80)[0]).save(tmp_path / 'photograph.png')
    return tmp_path / 'photograph.png'


def test_each_cell_is_its_corruption(photograph, tmp_path):
    succeed(DRAW, photograph, tmp_path / 'picture.png', '--size', 16, '--seed', 2,
            cwd=tmp_path)  # fmt: skip
    picture = np.asarray(Image.open(tmp_path / 'picture.png'))
    cells = picture[22:, 150:].reshape(19, 100, 6, 100, 3)[:, :96:6, :, :96:6]
    cells = cells.transpose(0, 2, 1, 3, 4)  # corruption, column, 16, 16, 3
    original = cells[0, :1, :, :, :]
    for row, name in enumerate(CORRUPTIONS):
        assert np.array_equal(cells[row, 0], original[0])
        for severity in (1, 5):
            made = corrupt(original, name, severity, seed=2)
            assert np.array_equal(cells[row, severity], made[0])


@pytest.mark.parametrize(
    'change, message',
    [
        (dict(image='nothing.png'), 'image nothing.png cannot be read'),
        (dict(image=__file__), 'cannot be read: cannot identify image file'),
        (dict(out='picture.gif'), 'out must end in .png or .jpg'),
        (dict(out='photograph.png'), 'would be overwritten'),
        (dict(size='4'), 'are too small'),
        (dict(out='/proc/nothing/picture.png'), 'was not written'),
    ],
)
def test_what_is_refused(photograph, tmp_path, change, message):
    given = {**dict(image=photograph, out=tmp_path / 'picture.png', size='32'), **change}
    result = run(DRAW, given['image'], given['out'], '--size', given['size'], cwd=tmp_path)
    assert result.code == 2
    assert re.search(message, result.err)
    assert len(result.err.splitlines()) == 1


def test_sixteen_bits_are_drawn_as_their_upper_eight(tmp_path):
    grey = make_images(1, 32, 32)[0][..., 0]
    Image.fromarray(grey.astype(np.uint16) * 257).save(tmp_path / 'grey.png')
    assert np.array_equal(load(str(tmp_path / 'grey.png'), 32), np.repeat(grey[..., None], 3, 2))
    Image.fromarray(grey.astype(np.float32)).save(tmp_path / 'grey.tiff')
    with pytest.raises(CTError, match='grey.tiff cannot be read: it has more than 8 bits'):
        load(str(tmp_path / 'grey.tiff'), 32)
