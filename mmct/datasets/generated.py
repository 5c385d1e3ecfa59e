"""A corruption that is made while the data is loaded."""

import copy
from typing import Any

import numpy as np
import torch
from mmcv.transforms import BaseTransform
from mmpretrain.registry import DATASETS, TRANSFORMS

from mmct.corruptions import (
    CORRUPTIONS,
    SEVERITIES,
    check_corruption,
    check_seed,
    check_severity,
    choose_table,
    corrupt,
)
from mmct.corruptions.names import TABLES

from .clean_images import CleanImages
from .corruption_set import CHANNEL_ORDERS, Cell, CorruptionCells


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


@TRANSFORMS.register_module()
class Corrupt(BaseTransform):
    """Corrupt the image as CIFAR-10-C or ImageNet-C are (Hendrycks & Dietterich, 2019).

    It stands after resize and crop, and before the image is normalised or
    packed. The randomness is keyed by (seed, ``sample_idx``, corruption,
    severity): in each epoch and worker the image is the same.

    **Required keys**: img, sample_idx, and img_path for images of files

    **Modified keys**: img

    **Added keys**: corruption, a dict whose ``source`` is 'generated'. Give
    ``PackInputs`` 'corruption' among its ``meta_keys`` to keep it.

    Args:
        **settings: As for
            :class:`~mmct.datasets.generated.GeneratedCorruption`.

    Raises:
        ValueError: If a setting is wrong; when called, if the image is no uint8
            array (H, W, 3) or of a size that the table does not serve.
    """

    def __init__(self, **settings) -> None:
        self._corrupt = GeneratedCorruption(**settings)

    def transform(self, results: dict) -> dict:
        """Corrupt ``results['img']``."""
        missing = [key for key in ('img', 'sample_idx') if key not in results]
        if missing:
            raise ValueError(
                f'Corrupt: the results have no {" and no ".join(missing)}: it stands after the '
                'image is loaded and before PackInputs, in the pipeline of a data set, which '
                'numbers its images'
            )
        image = results['img']
        results['img'] = self._corrupt(image, results['sample_idx'], 'img_path' in results)
        results['corruption'] = self._corrupt.label(*image.shape[:2])
        return results

    def __repr__(self) -> str:
        return f'{type(self).__name__}({self._corrupt!r})'


@DATASETS.register_module()
class CorruptedDataset(torch.utils.data.Dataset):
    """Corrupt what a data set returns, after its whole pipeline.

    As it looks at results only, the data set may itself be a wrapper, such as
    ``KFoldDataset`` or ``ConcatDataset``. The randomness is keyed by (seed, index
    in this data set, corruption, severity): an image that comes twice under two
    indices, as in ``RepeatDataset``, has two corruptions.

    Images made so are not those of a released set, and neither are the scores:
    ``metainfo`` and the samples say that the ``source`` is 'generated'.

    Args:
        dataset (dict | Dataset): The data set or its config. Its results have
            ``inputs``, uint8 (3, H, W), or ``img``, uint8 (H, W, 3).
        **settings: As for
            :class:`~mmct.datasets.generated.GeneratedCorruption`.

    Raises:
        ValueError: If a setting is wrong, or the data set is empty; when read,
            if a result has no such image or one of a size that the table does
            not serve.
    """

    def __init__(self, dataset: Any, **settings) -> None:
        self._corrupt = GeneratedCorruption(**settings)
        lazy = isinstance(dataset, dict) and dataset.get('lazy_init', False)
        self.dataset = DATASETS.build(dataset) if isinstance(dataset, dict) else dataset
        if not lazy:
            self.full_init()

    def full_init(self) -> None:
        """Read the data set's list of images, where that was put off."""
        if hasattr(self.dataset, 'full_init'):
            self.dataset.full_init()
        if len(self.dataset) == 0:
            raise ValueError('CorruptedDataset: the data set is empty: check its paths')

    @property
    def metainfo(self) -> dict:
        """The data set's, with ``corruption`` added."""
        metainfo = copy.deepcopy(getattr(self.dataset, 'metainfo', {}))
        return {**metainfo, 'corruption': self._corrupt.label()}

    def __len__(self) -> int:
        return len(self.dataset)

    def __getitem__(self, index: int) -> dict:
        results = self.dataset[index]
        index = index % len(self)
        if 'inputs' in results:
            return self._packed(results, index)
        if 'img' in results:
            image = results['img']
            made = self._corrupt(image, index, 'img_path' in results)
            return {**results, 'img': made, 'corruption': self._corrupt.label(*image.shape[:2])}
        raise ValueError(
            f'CorruptedDataset: the results have neither inputs nor img, only {sorted(results)}: '
            'let the pipeline load an image'
        )

    def _packed(self, results: dict, index: int) -> dict:
        inputs, sample = results['inputs'], results.get('data_samples')
        if not isinstance(inputs, torch.Tensor):
            raise ValueError(
                f'CorruptedDataset: inputs must be one image, got a {type(inputs).__name__}: '
                'put Corrupt into the pipeline instead, before the image becomes several'
            )
        from_file = sample is not None and 'img_path' in sample
        image = inputs.permute(1, 2, 0).numpy()
        made = self._corrupt(image, index, from_file)
        if sample is not None:
            label = self._corrupt.label(*image.shape[:2])
            sample.set_field(label, 'corruption', field_type='metainfo')
        made = torch.from_numpy(np.ascontiguousarray(made.transpose(2, 0, 1)))
        return {**results, 'inputs': made}

    def get_data_info(self, index: int) -> dict:
        """The annotation of an image, as the data set has it."""
        return self.dataset.get_data_info(index)

    def get_cat_ids(self, index: int) -> list[int]:
        """The classes of an image."""
        return self.dataset.get_cat_ids(index)

    def get_gt_labels(self) -> np.ndarray:
        """The classes of all images. (N,)."""
        return self.dataset.get_gt_labels()

    def __repr__(self) -> str:
        return f'{type(self).__name__}({self._corrupt!r}) of {self.dataset}'


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
