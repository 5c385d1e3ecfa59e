"""Corrupt images while they are loaded, in a pipeline or after all of it."""

import copy
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from mmcv.transforms import BaseTransform
from mmpretrain.registry import DATASETS, TRANSFORMS

from mmct.corruptions import (
    check_corruption,
    check_seed,
    check_severities,
    check_severity,
    choose_table,
    corrupt,
    own_among,
)
from mmct.corruptions.channels import check_channel_order, reordered
from mmct.corruptions.names import check_table
from mmct.runs.class_folders import check_class_folders

from .images import IntactFiles, order_of_image, order_of_sample, path_of


@TRANSFORMS.register_module()
@dataclass(eq=False)
class Corrupt(BaseTransform):
    """Corrupt the image as in CIFAR-10-C or ImageNet-C (Hendrycks & Dietterich, 2019).

    Put it after resize and crop, and before the image is normalised or packed.
    The randomness depends only on seed, ``sample_idx``, corruption and
    severity, so the image is the same in each epoch and worker.

    **Required keys**: img, sample_idx, and img_path for images read from files

    **Modified keys**: img

    **Added keys**: corruption, a dict whose ``source`` is 'generated'. Give
    ``PackInputs`` 'corruption' among its ``meta_keys`` to keep it.

    Args:
        corruption (str): One of :data:`mmct.corruptions.CORRUPTIONS`, or a registered
            corruption.
        severity (int): The severity, 1 (weak) to 5 (strong).
        seed (int): The seed, 0 or more. Defaults to 0.
        table (str, optional): The severity table, 'cifar', 'tiny_imagenet' or
            'imagenet'. Defaults to None: the image size decides.
        channel_order (str, optional): 'rgb' or 'bgr'. Defaults to None: 'bgr' for
            images read from a file, as mmcv reads them, and 'rgb' for arrays, as
            in mmpretrain's CIFAR.

    Raises:
        ValueError: If a setting is wrong; when called, if the image is not a uint8
            array (H, W, 3), or the table does not support its size.
    """

    corruption: str
    severity: int
    seed: int = 0
    table: str | None = None
    channel_order: str | None = None

    def __post_init__(self) -> None:
        check_corruption(self.corruption)
        self.severity = check_severity(self.severity)
        check_severities(self.severity, [self.corruption])
        self._own = own_among([self.corruption])  # pickled with the transform, for workers
        self.seed = check_seed(self.seed)
        check_table(self.table)
        check_channel_order(self.channel_order, 'Corrupt')

    def transform(self, results: dict) -> dict:
        """Corrupt ``results['img']``."""
        missing = [key for key in ('img', 'sample_idx') if key not in results]
        if missing:
            raise ValueError(
                f'Corrupt: the results have no {" and no ".join(missing)}: put it after '
                'the image is loaded and before PackInputs, in the pipeline of a data set that '
                'numbers its images'
            )
        image = results['img']
        results['img'] = self.corrupted(image, results['sample_idx'], order_of_sample(results))
        results['corruption'] = self.label(*image.shape[:2])
        return results

    def corrupted(self, image: np.ndarray, index: int, order: str) -> np.ndarray:
        """Corrupt an image.

        Args:
            image (np.ndarray): The image, uint8. (H, W, 3)
            index (int): Index of the image in its data set.
            order (str): The order of its channels, 'rgb' or 'bgr'; the setting
                ``channel_order`` takes precedence.

        Returns:
            np.ndarray: A new image with channels in the same order. (H, W, 3)

        Raises:
            ValueError: If the image has another dtype or shape, or the table
                does not support its size.
        """
        order = self.channel_order or order
        made = corrupt(
            reordered(image, order)[None],
            self.corruption,
            self.severity,
            seed=self.seed,
            indices=[index],
            table=self.table,
        )
        return np.ascontiguousarray(reordered(made[0], order))

    def label(self, height: int | None = None, width: int | None = None) -> dict[str, Any]:
        """Describe the corruption, and mark it as generated.

        Args:
            height (int, optional): Height of the image in pixels. Defaults to None.
            width (int, optional): Width of the image in pixels. Defaults to None.

        Returns:
            dict: ``source``, which is 'generated', ``corruption``, ``severity``,
            ``seed`` and ``table``; a given size decides an unset table.
        """
        table = self.table if height is None else choose_table(self.table, height, width)
        return dict(
            source='generated',
            corruption=self.corruption,
            severity=self.severity,
            seed=self.seed,
            table=table,
        )


@DATASETS.register_module()
class CorruptedDataset(torch.utils.data.Dataset):
    """Corrupt the results of a data set, after its whole pipeline.

    Use it for data sets without their own pipeline, which have no place for
    :class:`Corrupt`: wrappers such as ``KFoldDataset`` or ``ConcatDataset``. The
    randomness depends only on seed, index in this data set, corruption and severity.
    An image with two indices, as in ``RepeatDataset``, is corrupted in two ways.

    The images are not those of a released set, and scores on them differ from scores
    on it: ``metainfo`` and the samples give the ``source`` as 'generated'.

    Args:
        dataset (dict | Dataset): The data set or its config. Its results have
            ``inputs``, uint8 (3, H, W), or ``img``, uint8 (H, W, 3).
        **settings: Arguments of :class:`Corrupt`.

    Raises:
        ValueError: If a setting is wrong, or the data set is empty; when read,
            if a result has no such image, or the table does not support its size.
        CTError: If a system folder is taken for a class or its images are read.
        OSError: When first read, if a file is damaged; the message names it.
    """

    def __init__(self, dataset: Any, **settings) -> None:
        self._corrupt = Corrupt(**settings)
        self._intact = IntactFiles()
        lazy = isinstance(dataset, dict) and dataset.get('lazy_init', False)
        self.dataset = DATASETS.build(dataset) if isinstance(dataset, dict) else dataset
        if not lazy:
            self.full_init()

    def full_init(self) -> None:
        """Read the data set's list of images if that was deferred."""
        if hasattr(self.dataset, 'full_init'):
            self.dataset.full_init()
        check_class_folders(self.dataset)
        if len(self.dataset) == 0:
            raise ValueError('CorruptedDataset: the data set is empty: check its paths')

    @property
    def metainfo(self) -> dict:
        """Return the data set's metainfo with ``corruption`` added."""
        metainfo = copy.deepcopy(getattr(self.dataset, 'metainfo', {}))
        return {**metainfo, 'corruption': self._corrupt.label()}

    def __len__(self) -> int:
        return len(self.dataset)

    def __getitem__(self, index: int) -> dict:
        index = index % len(self)
        with self._intact.reading(path_of(self.dataset, index)):
            results = self.dataset[index]
        if 'inputs' in results:
            return self._packed(results, index)
        if 'img' in results:
            own = dict(sample_idx=results['sample_idx']) if 'sample_idx' in results else {}
            return {**self._corrupt({**results, 'sample_idx': index}), **own}
        raise ValueError(
            f'CorruptedDataset: the results have neither inputs nor img, only {sorted(results)}: '
            'let the pipeline load an image'
        )

    def _packed(self, results: dict, index: int) -> dict:
        inputs, sample = results['inputs'], results.get('data_samples')
        if not isinstance(inputs, torch.Tensor):
            raise ValueError(
                f'CorruptedDataset: inputs must be one image, but got a {type(inputs).__name__}: '
                'put Corrupt into the pipeline instead, before the image is split into several'
            )
        image = inputs.permute(1, 2, 0).numpy()
        order = order_of_image(self.dataset, index, sample)
        made = self._corrupt.corrupted(image, index, order)
        if sample is not None:
            label = self._corrupt.label(*image.shape[:2])
            sample.set_field(label, 'corruption', field_type='metainfo')
        made = torch.from_numpy(np.ascontiguousarray(made.transpose(2, 0, 1)))
        return {**results, 'inputs': made}

    def get_data_info(self, index: int) -> dict:
        """Get the annotation of an image from the data set."""
        return self.dataset.get_data_info(index)

    def get_cat_ids(self, index: int) -> list[int]:
        """Get the classes of an image."""
        return self.dataset.get_cat_ids(index)

    def get_gt_labels(self) -> np.ndarray:
        """Get the classes of all images, (N,)."""
        return self.dataset.get_gt_labels()

    def __repr__(self) -> str:
        return f'{type(self).__name__}({self._corrupt!r}) of {self.dataset}'
