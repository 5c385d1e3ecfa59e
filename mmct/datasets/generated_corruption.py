"""A corruption that is made while the data is loaded."""

from typing import Any

import numpy as np

from ..corruptions import (
    check_corruption,
    check_seed,
    check_severity,
    choose_table,
    corrupt,
)
from ..corruptions.checks import TABLES

CHANNEL_ORDERS = ('rgb', 'bgr')


class GeneratedCorruption:
    """One corruption at one severity, for single images.

    Args:
        corruption (str): One of :data:`mmct.corruptions.CORRUPTIONS`.
        severity (int): 1 (weak) to 5 (strong).
        seed (int): 0 or more. Defaults to 0.
        table (str, optional): 'cifar' or 'imagenet'. Defaults to the image's size.
        channel_order (str, optional): 'rgb' or 'bgr'. Defaults to 'bgr' for
            images that were read from a file, as mmcv reads them, and 'rgb' for
            arrays, as mmpretrain's CIFAR has them.

    Raises:
        ValueError: If an argument is none of these.
    """

    def __init__(
        self,
        corruption: str,
        severity: int,
        seed: int = 0,
        table: str | None = None,
        channel_order: str | None = None,
    ) -> None:
        self.corruption = check_corruption(corruption)
        self.severity = check_severity(severity)
        if table is not None and table not in TABLES:
            raise ValueError(f'table must be None or one of {TABLES}, got {table!r}')
        if channel_order is not None and channel_order not in CHANNEL_ORDERS:
            raise ValueError(
                f'channel_order must be None or one of {CHANNEL_ORDERS}, got {channel_order!r}'
            )
        self.seed = check_seed(seed)
        self.table = table
        self.channel_order = channel_order

    def __call__(self, image: np.ndarray, index: int, from_file: bool) -> np.ndarray:
        """Corrupt an image.

        Args:
            image (np.ndarray): uint8. (H, W, 3)
            index (int): The image's, in its data set.
            from_file (bool): Whether it was read from a file.

        Returns:
            np.ndarray: A new one, its channels in the same order.

        Raises:
            ValueError: If it is no such image, or of a size that the table
                does not serve.
        """
        order = self.channel_order or ('bgr' if from_file else 'rgb')
        flip = slice(None, None, -1 if order == 'bgr' else None)
        made = corrupt(
            image[None, ..., flip],
            self.corruption,
            self.severity,
            seed=self.seed,
            indices=[index],
            table=self.table,
        )
        return np.ascontiguousarray(made[0, ..., flip])

    def label(self, height: int | None = None, width: int | None = None) -> dict[str, Any]:
        """What was done: generated here, and no released set.

        Args:
            height (int, optional): The image's, in pixels.
            width (int, optional): The image's, in pixels.

        Returns:
            dict: ``source`` is 'generated'; ``corruption``, ``severity``,
            ``seed`` and ``table``, which is chosen where the size is given.
        """
        table = self.table
        if height is not None and width is not None:
            table = choose_table(table, height, width)
        return dict(
            source='generated',
            corruption=self.corruption,
            severity=self.severity,
            seed=self.seed,
            table=table,
        )

    def __repr__(self) -> str:
        return (
            f'corruption={self.corruption!r}, severity={self.severity}, seed={self.seed}, '
            f'table={self.table!r}, channel_order={self.channel_order!r}'
        )
