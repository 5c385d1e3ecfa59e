"""A test set's images in batches, as its pipeline gives them."""

from typing import Any

import numpy as np
import torch
from mmpretrain.registry import DATASETS

from .corruption_set import CLEAN, Cell

# Bytes of images that are kept: those of CIFAR's test set, twice.
_KEPT = 1 << 26


class CleanImages:
    """Any test set as one cell of uncorrupted images.

    Small sets stay in memory, as they are read for each corruption anew.

    Args:
        dataset (dict | Dataset): The data set or its config. Its results have
            ``inputs``, uint8 (3, H, W), and ``data_samples`` with one label.

    Raises:
        ValueError: If it is empty or has no single label an image; when read,
            if its results have no such image, or not all are of one size.
    """

    cells: tuple[Cell, ...] = (CLEAN,)

    def __init__(self, dataset: Any) -> None:
        self.dataset = _opened(dataset)
        self._kept: dict[int, np.ndarray] = {}
        self._room = _KEPT
        self.labels = _labels(self.dataset)
        sample = self.dataset[0].get('data_samples')
        from_file = sample is not None and 'img_path' in sample
        # mmcv reads files as BGR; the data sets that hold arrays hold RGB.
        self.channel_order = 'bgr' if from_file else 'rgb'

    @property
    def num_images(self) -> int:
        """Number of images."""
        return len(self.labels)

    @property
    def metainfo(self) -> dict[str, Any]:
        """The data set's."""
        return getattr(self.dataset, 'metainfo', {})

    def read(self, cell: int, positions: slice) -> np.ndarray:
        """Read a batch.

        Args:
            cell (int): 0, the only one.
            positions (slice): Which images.

        Returns:
            np.ndarray: uint8, channels as the data set gives them. (B, H, W, 3)
        """
        images = [self._image(index) for index in range(self.num_images)[positions]]
        if any(image.shape != images[0].shape for image in images):
            sizes = sorted({image.shape[:2] for image in images})
            raise ValueError(
                f'the test set has images of several sizes, {sizes[0]} and {sizes[-1]} among '
                'them: resize or crop them in its pipeline'
            )
        return np.stack(images)

    def close(self) -> None:
        """There is nothing open."""

    def _image(self, index: int) -> np.ndarray:
        image = self._kept.get(index)
        if image is not None:
            return image
        inputs = _checked(self.dataset[index].get('inputs'))
        image = inputs.permute(1, 2, 0).contiguous().numpy()
        if image.nbytes <= self._room:
            self._kept[index] = image
            self._room -= image.nbytes
        return image

    def __getstate__(self) -> dict[str, Any]:
        """Without the images: workers read their own."""
        return {**self.__dict__, '_kept': {}, '_room': _KEPT}


def _opened(dataset: Any) -> Any:
    try:
        dataset = DATASETS.build(dataset) if isinstance(dataset, dict) else dataset
        if hasattr(dataset, 'full_init'):
            dataset.full_init()
        images = len(dataset)
    except ValueError as error:
        # What mmengine's data sets say of an empty list.
        if 'need at least one array' not in str(error):
            raise
        images = 0
    if not images:
        raise ValueError('the test set is empty: check its paths')
    return dataset


def _checked(inputs: Any) -> torch.Tensor:
    if isinstance(inputs, torch.Tensor):
        if inputs.dtype == torch.uint8 and inputs.ndim == 3 and len(inputs) == 3:
            return inputs
        what = f'{inputs.dtype} {tuple(inputs.shape)}'
    else:
        what = type(inputs).__name__
    raise ValueError(
        f'the test set gives inputs of {what}, but uint8 (3, H, W) is needed: leave out of its '
        'pipeline what normalises or makes several views'
    )


def _labels(dataset: Any) -> np.ndarray:
    """The class of each image. int64 (N,)."""
    if hasattr(dataset, 'get_gt_labels'):
        labels = dataset.get_gt_labels()
    else:
        labels = [dataset.get_data_info(index).get('gt_label') for index in range(len(dataset))]
    try:
        labels = np.asarray(labels).astype(np.int64, casting='safe')
    except (TypeError, ValueError):
        labels = np.empty(0)
    if labels.shape != (len(dataset),):
        raise ValueError('the test set has not one label an image: errors need one class each')
    return labels
