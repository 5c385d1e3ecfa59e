"""All cells of a corruption benchmark, made from any test set while it is read."""

from typing import Any

import numpy as np
from mmpretrain.registry import DATASETS

from ..corruptions import CORRUPTIONS, SEVERITIES, check_seed, choose_table, corrupt
from ..corruptions.checks import TABLES
from .cell import Cell
from .clean_images import CleanImages
from .corruption_cells import CorruptionCells


@DATASETS.register_module()
class GeneratedCorruptions(CorruptionCells):
    """A test set under each corruption and severity, made in memory.

    The images are those that the test set's whole pipeline gives, corrupted as
    :class:`CorruptedDataset` does: keyed by (seed, position, corruption,
    severity), on RGB. They are not a released set's: ``source`` is 'generated'.

    Args:
        dataset (dict | Dataset): The test set or its config.
        seed (int): 0 or more. Defaults to 0.
        table (str, optional): 'cifar' or 'imagenet'. Defaults to by size.
        **kwargs: As for :class:`CorruptionCells`; by default all 19
            corruptions.

    Raises:
        ValueError: If a setting is wrong, the test set is empty, or its images
            are of a size that the table does not serve.
    """

    NAME = 'generated'

    def __init__(
        self, dataset: Any, seed: int = 0, table: str | None = None, **kwargs
    ) -> None:
        if table not in (None, *TABLES):
            raise ValueError(
                f'GeneratedCorruptions: table must be None or one of {TABLES}, got {table!r}'
            )
        self.seed, self.table = check_seed(seed), table
        self.clean = CleanImages(dataset)
        self.own_order = self.clean.channel_order
        super().__init__(**kwargs)

    def open(self) -> None:
        """Look at the first image."""
        size = self.clean.read(0, slice(0, 1)).shape[1:3]
        self.table = choose_table(self.table, *size)
        self.labels = self.clean.labels
        if 'classes' in self.clean.metainfo:
            self._metainfo.setdefault('classes', self.clean.metainfo['classes'])
        self.cells = tuple(
            Cell(name, severity)
            for name in self._corruptions or CORRUPTIONS
            for severity in self._severities or SEVERITIES
        )

    def pixels(self, cell: Cell, positions: range) -> np.ndarray:
        """Make images of a cell."""
        images = self.clean.read(0, slice(positions.start, positions.stop, positions.step))
        flip = slice(None, None, -1 if self.own_order == 'bgr' else 1)
        made = corrupt(
            images[..., flip],
            *cell,
            seed=self.seed,
            indices=np.array(positions),
            table=self.table,
        )
        return made[..., flip]

    def describe(self) -> dict[str, Any]:
        """What a result file says about the data."""
        return {**super().describe(), **dict(source='generated', seed=self.seed, table=self.table)}
