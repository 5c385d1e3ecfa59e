"""Which images make a batch."""

import numpy as np
import pytest
import torch

from mmct.datasets import ArrayCorruptionSet
from mmct.scoring.cell_images import CellBatches, CellImages, cell_loader
from mmct.scoring.cell_sources import Images

CPU = torch.device('cpu')


@pytest.fixture
def cells(tmp_path):
    rng = np.random.default_rng(0)
    for name in ('fog', 'snow'):
        np.save(tmp_path / f'{name}.npy', rng.integers(0, 256, (5 * 7, 4, 4, 3), np.uint8))
    np.save(tmp_path / 'labels.npy', np.tile(np.arange(7), 5))
    return ArrayCorruptionSet(data_root=str(tmp_path), corruptions=['fog', 'snow'])


@pytest.mark.parametrize('batch_size', [1, 3, 7, 50])
@pytest.mark.parametrize('shares', [[range(7)], [range(3), range(3, 7)]])
def test_each_image_is_in_one_batch_of_its_cell(batch_size, shares):
    numbers = [2, 0, 9]
    rows = []
    for share in shares:
        batches = CellBatches(numbers, 7, share, batch_size)
        found = list(batches)
        assert len(found) == len(batches) == 3 * batches.per_cell
        assert all(len(batch) <= batch_size for batch in found)
        # No batch reaches into another cell.
        assert all(batch[0] // 7 == batch[-1] // 7 for batch in found)
        assert [batch[0] // 7 for batch in found[:: batches.per_cell]] == numbers
        rows += [row for batch in found for row in batch]
    assert sorted(rows) == sorted(7 * number + i for number in numbers for i in range(7))


@pytest.mark.parametrize('workers', [0, 2])
def test_the_loader_gives_the_pixels_in_order(cells, workers):
    batches = CellBatches([1, 8], 7, range(7), 4)
    found = [batch.numpy() for batch in cell_loader(cells, batches, workers, CPU)]
    assert [len(batch) for batch in found] == [4, 3, 4, 3]
    root = cells.data_root
    fog, snow = (np.load(f'{root}/{name}.npy') for name in ('fog', 'snow'))
    # In the order of all tables: severity 2 of snow, severity 4 of fog.
    np.testing.assert_array_equal(np.concatenate(found[:2]), snow[7:14])
    np.testing.assert_array_equal(np.concatenate(found[2:]), fog[21:28])
    assert len(CellImages(cells)) == 70


def test_images_of_several_sizes_are_refused_however_they_are_read():
    images = [np.zeros((side, 8, 3), np.uint8) for side in (8, 8, 9)]
    for size in (1, 2, 3):
        source = Images(images, np.zeros(3, np.int64))
        with pytest.raises(ValueError, match=r'differ in size, such as \(8, 8\) and \(9, 8\)'):
            for first in range(0, 3, size):
                source.read(0, slice(first, first + size))
