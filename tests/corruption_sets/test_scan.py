"""The first pass: what can be read, and what it is."""

import hashlib

import numpy as np
import pytest
from PIL import Image

from mmct.corruption_sets.scan import (
    Scan,
    check_readable,
    chunks,
    image_digest,
    merge,
    parts,
    scan_chunk,
)
from mmct.runs import CTError

IMAGES = np.random.default_rng(0).integers(0, 256, (6, 9, 7, 3), np.uint8)


class FakeSource:
    """Images from files, read by Pillow."""

    def __init__(self, files):
        self.files = files
        self.dataset = self

    def get_data_info(self, index):
        return dict(img_path=self.path(index))

    def path(self, index):
        return str(self.files[index])

    def file_name(self, index):
        return self.files[index].name

    def read(self, index):
        return np.asarray(Image.open(self.files[index])), index % 2


@pytest.fixture
def source(tmp_path):
    files = [tmp_path / f'{i}.png' for i in range(6)]
    for file, image in zip(files, IMAGES, strict=True):
        Image.fromarray(image).save(file)
    return FakeSource(files)


def test_chunks_cover_all_images_once():
    assert chunks(600) == [(0, 256), (256, 512), (512, 600)]


def test_chunks_put_together_are_one_scan(source, tmp_path):
    whole = scan_chunk(source, 0, 6)
    parts = merge(scan_chunk(source, *part) for part in ((0, 4), (4, 6)))
    assert parts.summary() == whole.summary()
    digests = [hashlib.sha256(b'9x7:' + image.tobytes()).digest() for image in IMAGES]
    assert whole.summary() == dict(
        images=6,
        pixels_sha256=hashlib.sha256(b''.join(digests)).hexdigest(),
        labels_sha256=hashlib.sha256(np.int64([0, 1] * 3).tobytes()).hexdigest(),
        skipped=dict(count=0, images=[]),
    )
    whole.save(tmp_path / 'scan.npz')
    again = Scan.load(tmp_path / 'scan.npz', [])
    assert (again.summary(), again.sizes) == (whole.summary(), {(9, 7)})
    np.testing.assert_array_equal(again.indices, range(6))
    np.testing.assert_array_equal(again.names, parts.names)


def test_a_turned_image_is_another():
    assert image_digest(IMAGES[0]) != image_digest(IMAGES[0].reshape(7, 9, 3))


def test_damaged_files_are_found(source):
    source.files[1].write_text('no image')
    source.files[2].unlink()
    jpeg = source.files[3]
    # The decoder of a truncated JPEG fills it with grey and says nothing.
    Image.fromarray(np.tile(IMAGES[3], (9, 9, 1))).save(jpeg, 'JPEG')
    jpeg.write_bytes(jpeg.read_bytes()[:-200])
    scan = scan_chunk(source, 0, 6)
    assert scan.indices.tolist() == [0, 4, 5]
    assert [one['index'] for one in scan.unreadable] == [1, 2, 3]
    reasons = [one['reason'] for one in scan.unreadable]
    assert reasons[:2] == ['it is not an image', 'No such file or directory']
    assert 'truncated' in reasons[2]
    with pytest.raises(CTError, match=r'3 of 6 images .*1.png \(it is not an image\).*--skip-unr'):
        check_readable(scan, skip=False)
    check_readable(scan, skip=True)


def test_only_damaged_files_are_no_set(source):
    for file in source.files:
        file.write_text('no image')
    with pytest.raises(CTError, match='6 of 6 .*; and 1 more: is this the right folder'):
        check_readable(scan_chunk(source, 0, 6), skip=True)


def test_a_random_pipeline_is_refused(source):
    read, rng = source.read, np.random.default_rng(0)
    source.read = lambda index: (np.roll(read(index)[0], rng.integers(9), 0), 0)
    with pytest.raises(CTError, match='pipeline is random'):
        scan_chunk(source, 0, 6)


@pytest.mark.parametrize('size, lengths', [((8, 8), [256, 44]), ((256, 128), [16] * 18 + [12])])
def test_parts_are_small_and_cover_all(size, lengths):
    rows = np.arange(300)
    digests = np.zeros((300, 32), np.uint8)
    cut = list(parts(Scan(rows, rows, digests, rows.astype(np.uint64), {size})))
    assert [len(part.indices) for part in cut] == lengths
    assert [part.number for part in cut] == list(range(len(lengths)))
    np.testing.assert_array_equal(np.concatenate([part.indices for part in cut]), range(300))
