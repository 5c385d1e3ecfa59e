"""Read handwritten digits that need no download."""

import numpy as np
from mmpretrain.datasets import BaseDataset
from mmpretrain.registry import DATASETS

from mmct.messages import require

# scikit-learn ships the 1,797 test images of the UCI set, in the order of their
# writers. The last quarter is held out.
NUM_TRAIN = 1347


@DATASETS.register_module()
class Digits(BaseDataset):
    """The handwritten digits that scikit-learn ships: 1,797 images of 8x8 pixels.

    "Optical Recognition of Handwritten Digits", E. Alpaydin and C. Kaynak,
    UCI Machine Learning Repository, 1998, https://doi.org/10.24432/C50P49.
    The first 1,347 images are for training, the last 450 for testing.

    Images are uint8 of shape ``(8, 8, 3)`` with three equal channels: the
    original 17 grey levels, scaled to 0..255.

    Args:
        split (str): 'train' or 'test'. Defaults to 'train'.
        **kwargs: Arguments of mmpretrain's ``BaseDataset``.

    Raises:
        ValueError: If ``split`` is unknown.
    """

    METAINFO = {'classes': tuple('0123456789')}

    def __init__(self, split: str = 'train', **kwargs) -> None:
        require(split in ('train', 'test'), "Digits: split must be 'train' or 'test'", split)
        self.split = split
        super().__init__(ann_file='', **kwargs)

    def load_data_list(self) -> list[dict]:
        """Read the images and labels of the split from scikit-learn's files."""
        # Imported here, as scikit-learn takes a second to import.
        from sklearn.datasets import load_digits

        digits = load_digits()
        part = slice(NUM_TRAIN) if self.split == 'train' else slice(NUM_TRAIN, None)
        grey = np.round(digits.images[part] * (255 / 16)).astype(np.uint8)
        images = np.repeat(grey[..., None], 3, axis=-1)  # (N, 8, 8, 3)
        return [
            {'img': image, 'gt_label': int(label)}
            for image, label in zip(images, digits.target[part], strict=True)
        ]
