"""Handwritten digits that need no download."""

import numpy as np
from mmpretrain.datasets import BaseDataset
from mmpretrain.registry import DATASETS

from mmct.messages import require

# The test set of the original data: scikit-learn ships the UCI set's 1,797
# test images, in the order of their writers. The last quarter is held out.
NUM_TRAIN = 1347


@DATASETS.register_module()
class Digits(BaseDataset):
    """The handwritten digits that scikit-learn ships: 1,797 images, 8x8.

    "Optical Recognition of Handwritten Digits", E. Alpaydin and C. Kaynak,
    UCI Machine Learning Repository, 1998, https://doi.org/10.24432/C50P49.
    Training: the first 1,347 images; test: the last 450.

    Images are uint8 of shape ``(8, 8, 3)`` with three equal channels: the
    original 17 grey levels, stretched to 0..255.

    Args:
        split (str): 'train' or 'test'. Defaults to 'train'.
        **kwargs: As for mmpretrain's ``BaseDataset``.

    Raises:
        ValueError: If ``split`` is neither.
    """

    METAINFO = {'classes': tuple('0123456789')}

    def __init__(self, split: str = 'train', **kwargs) -> None:
        require(split in ('train', 'test'), "Digits: split must be 'train' or 'test'", split)
        self.split = split
        super().__init__(ann_file='', **kwargs)

    def load_data_list(self) -> list[dict]:
        """Read the split's images and labels from scikit-learn's files."""
        # Here, as scikit-learn takes a second to import.
        from sklearn.datasets import load_digits

        digits = load_digits()
        part = slice(NUM_TRAIN) if self.split == 'train' else slice(NUM_TRAIN, None)
        grey = np.round(digits.images[part] * (255 / 16)).astype(np.uint8)
        images = np.repeat(grey[..., None], 3, axis=-1)  # (N, 8, 8, 3)
        return [
            {'img': image, 'gt_label': int(label)}
            for image, label in zip(images, digits.target[part], strict=True)
        ]
