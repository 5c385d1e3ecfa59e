"""Any data set, corrupted while it is read."""

import copy
from typing import Any

import numpy as np
import torch
from mmpretrain.registry import DATASETS

from .generated_corruption import GeneratedCorruption


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
            :class:`~mmct.datasets.generated_corruption.GeneratedCorruption`.

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
