"""Read the images of a test set in batches through its pipeline, and corrupt them."""

from collections.abc import Sequence
from itertools import product
from typing import Any

import numpy as np
import torch
from mmpretrain.registry import DATASETS

from mmct.corruptions import (
    CLEAN,
    CORRUPTIONS,
    SEVERITIES,
    Cell,
    categories_with,
    check_seed,
    check_severities,
    choose_corruptions,
    choose_table,
    corrupt,
    origin,
    own_among,
)
from mmct.corruptions.channels import reordered
from mmct.corruptions.names import check_table
from mmct.runs.class_folders import check_class_folders

from .corruption_set import CorruptionSet
from .images import IntactFiles, order_of_image, path_of, say_if_grey

# Maximum bytes of images kept in memory: twice those of CIFAR's test set.
_KEPT = 1 << 26


class CleanImages:
    """Read any test set as a single cell of uncorrupted images.

    Small sets stay in memory, as each corruption reads them again.

    Args:
        dataset (dict | Dataset): The data set or its config. Its results have
            ``inputs``, uint8 (3, H, W), and ``data_samples`` with one label.

    Raises:
        ValueError: If the data set is empty, does not have one label per image, or gives
            different pixels each time; when read, if its results have no such image, or images
            differ in size.
        CTError: If the data set takes a system folder for a class.
        OSError: When first read, if a file is damaged; the message names it.
    """

    cells: tuple[Cell, ...] = (CLEAN,)

    def __init__(self, dataset: Any) -> None:
        self.dataset = _opened(dataset)
        self._kept: dict[int, np.ndarray] = {}
        self._room = _KEPT
        self._intact = IntactFiles()
        self.labels = _labels(self.dataset)
        first, again = self._item(0), self._item(0)
        self.channel_order = order_of_image(self.dataset, 0, first.get('data_samples'))
        if not _are_equal(first.get('inputs'), again.get('inputs')):
            raise ValueError(
                'the test set gives different pixels each time that an image is read: leave '
                'random transforms out of its pipeline'
            )
        file = path_of(self.dataset, 0)
        if file is not None:
            say_if_grey(file)

    @property
    def num_images(self) -> int:
        """Return the number of images."""
        return len(self.labels)

    @property
    def metainfo(self) -> dict[str, Any]:
        """Return the metainfo of the data set."""
        return getattr(self.dataset, 'metainfo', {})

    def read(self, cell: int, positions: slice) -> np.ndarray:
        """Read a batch.

        Args:
            cell (int): 0, the only cell.
            positions (slice): Positions of the images.

        Returns:
            np.ndarray: The images, uint8, channels in the order of the data set.
            (B, H, W, 3)
        """
        images = [self._image(index) for index in range(self.num_images)[positions]]
        if any(image.shape != images[0].shape for image in images):
            sizes = sorted({image.shape[:2] for image in images})
            raise ValueError(
                f'the test set has images of several sizes, such as {sizes[0]} and {sizes[-1]}: '
                'resize or crop them in its pipeline'
            )
        return np.stack(images)

    def close(self) -> None:
        """Do nothing, as no file is open."""

    def _image(self, index: int) -> np.ndarray:
        image = self._kept.get(index)
        if image is not None:
            return image
        inputs = _checked(self._item(index).get('inputs'))
        image = inputs.permute(1, 2, 0).contiguous().numpy()
        if image.nbytes <= self._room:
            self._kept[index] = image
            self._room -= image.nbytes
        return image

    def _item(self, index: int) -> Any:
        with self._intact.reading(path_of(self.dataset, index)):
            return self.dataset[index]

    def __getstate__(self) -> dict[str, Any]:
        """Pickle without the images, as worker processes read their own."""
        return {**self.__dict__, '_kept': {}, '_room': _KEPT}


def _opened(dataset: Any) -> Any:
    try:
        dataset = DATASETS.build(dataset) if isinstance(dataset, dict) else dataset
        if hasattr(dataset, 'full_init'):
            dataset.full_init()
        images = len(dataset)
    except ValueError as error:
        # The error of mmengine's data sets for an empty list.
        if 'need at least one array' not in str(error):
            raise
        images = 0
    if not images:
        raise ValueError('the test set is empty: check its paths')
    check_class_folders(dataset)
    return dataset


def _are_equal(one: Any, other: Any) -> bool:
    # Anything but a tensor is refused when it is read.
    return not isinstance(one, torch.Tensor) or torch.equal(one, other)


def _checked(inputs: Any) -> torch.Tensor:
    if isinstance(inputs, torch.Tensor):
        if inputs.dtype == torch.uint8 and inputs.ndim == 3 and len(inputs) == 3:
            return inputs
        what = f'{inputs.dtype} {tuple(inputs.shape)}'
    else:
        what = type(inputs).__name__
    raise ValueError(
        f'the test set gives inputs of {what}, but uint8 (3, H, W) is needed: remove transforms '
        'that normalise or make several views from its pipeline'
    )


def _labels(dataset: Any) -> np.ndarray:
    """Get the class of each image, int64 (N,)."""
    try:
        if hasattr(dataset, 'get_gt_labels'):
            labels = dataset.get_gt_labels()
        else:
            labels = [dataset.get_data_info(index).get('gt_label') for index in range(len(dataset))]
        labels = np.asarray(labels).astype(np.int64, casting='safe')
    except (TypeError, ValueError):
        labels = np.empty(0)
    if labels.shape != (len(dataset),):
        raise ValueError('the test set does not have one label per image, which errors need')
    return labels


@DATASETS.register_module()
class GeneratedCorruptionSet(CorruptionSet):
    """A corruption set that is made in memory from a test set.

    The images go through the whole pipeline of the test set, and are then
    corrupted as in :class:`CorruptedDataset`: in RGB, with randomness that depends
    only on seed, position, corruption and severity. They are not those of a
    released set: ``source`` is 'generated'.

    Args:
        dataset (dict | Dataset): The test set or its config.
        seed (int): The seed, 0 or more. Defaults to 0.
        table (str, optional): The severity table, 'cifar', 'tiny_imagenet' or
            'imagenet'. Defaults to None: the image size decides.
        corruptions (Sequence[str], optional): Names of corruptions, including registered
            ones, or of categories. Defaults to None: all 19.
        **kwargs: Arguments of :class:`CorruptionSet`.

    Raises:
        ValueError: If a setting is wrong, the test set is empty, or the table
            does not support the size of its images.
    """

    NAME = 'generated'

    def __init__(
        self,
        dataset: Any,
        seed: int = 0,
        table: str | None = None,
        corruptions: Sequence[str] | None = None,
        **kwargs,
    ) -> None:
        names = CORRUPTIONS if corruptions is None else choose_corruptions(corruptions)
        self.CATEGORIES, self._own = categories_with(names), own_among(names)
        self.seed, self.table = check_seed(seed), check_table(table)
        self.clean = CleanImages(dataset)
        self.own_order = self.clean.channel_order
        # Single names, as the base class does not know what 'cifar10cbar' stands for.
        super().__init__(corruptions=corruptions and names, **kwargs)

    def open(self) -> None:
        """Choose the table by the size of the first image, and set ``cells`` and ``labels``."""
        size = self.clean.read(0, slice(0, 1)).shape[1:3]
        self.table = choose_table(self.table, *size)
        self.labels = self.clean.labels
        if 'classes' in self.clean.metainfo:
            self._metainfo.setdefault('classes', self.clean.metainfo['classes'])
        names, severities = self._corruptions or CORRUPTIONS, self._severities or SEVERITIES
        check_severities(severities, names)
        self.cells = tuple(Cell(*cell) for cell in product(names, severities))

    def pixels(self, cell: Cell, positions: range) -> np.ndarray:
        """Make the images of a cell."""
        images = self.clean.read(0, slice(positions.start, positions.stop, positions.step))
        made = corrupt(
            reordered(images, self.own_order),
            *cell,
            seed=self.seed,
            indices=np.array(positions),
            table=self.table,
        )
        return reordered(made, self.own_order)

    def describe(self) -> dict[str, Any]:
        """Describe the data for result files."""
        names = (cell.corruption for cell in self.cells)
        return {**super().describe(), **origin(self.seed, self.table, names)}
