"""Open the test set of a config as RGB images to corrupt."""

import copy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from mmengine.config import Config
from mmengine.registry import DATASETS, init_default_scope
from mmengine.utils import import_modules_from_strings
from mmpretrain.datasets import PackInputs

from mmct.corruptions.channels import reordered
from mmct.datasets.images import order_of_sample
from mmct.messages import missing_data
from mmct.runs.class_folders import check_class_folders, leaves
from mmct.runs.errors import CTError


@dataclass(frozen=True)
class SourceConfig:
    """Everything that a process needs to open a data set.

    Args:
        dataset (dict): The config of the data set.
        scope (str): The registry scope in which its types are looked up.
        imports (dict, optional): The modules to import first, as in ``custom_imports``.
    """

    dataset: dict
    scope: str
    imports: dict | None

    @classmethod
    def of(cls, cfg: Config) -> 'SourceConfig':
        """Take the test set of a config.

        Args:
            cfg (Config): Any config.

        Raises:
            CTError: If it has no test set.
        """
        dataset = (cfg.get('test_dataloader') or {}).get('dataset')
        if dataset is None:
            raise CTError(f'config {cfg.filename} has no test set: set test_dataloader.dataset')
        return cls(dataset, cfg.get('default_scope') or 'mmengine', cfg.get('custom_imports'))


class Source:
    """Open a data set, with its pipeline cut off before images become tensors.

    Args:
        config (SourceConfig): The data set.

    Attributes:
        dataset (Any): The data set.
        class_roots (list[str]): The folders of the class folders; none without these.

    Raises:
        CTError: If there is no data.
    """

    def __init__(self, config: SourceConfig) -> None:
        if config.imports:
            import_modules_from_strings(**config.imports)
        init_default_scope(config.scope)
        try:
            self.dataset = DATASETS.build(copy.deepcopy(config.dataset))
            if hasattr(self.dataset, 'full_init'):
                self.dataset.full_init()
        except (OSError, RuntimeError, ValueError) as error:
            cause = missing_data(error)
            # The error of mmengine's data sets for an empty list.
            empty = 'need at least one array' in cause
            raise _no_data('it is empty' if empty else cause) from error
        if not len(self.dataset):
            raise _no_data('it is empty')
        check_class_folders(self.dataset)
        for leaf in leaves(self.dataset):
            # Otherwise mmengine replaces an unreadable image by a random other one.
            leaf.test_mode = True
            if hasattr(leaf, 'pipeline'):
                _cut(leaf.pipeline.transforms)
        in_folders = self.class_folders is not None
        self.class_roots = [leaf.img_prefix for leaf in leaves(self.dataset) if in_folders]

    def __len__(self) -> int:
        return len(self.dataset)

    @property
    def classes(self) -> list[str] | None:
        """Return the names of the classes, or None if the data set has none."""
        classes = getattr(self.dataset, 'metainfo', {}).get('classes')
        return None if classes is None else list(classes)

    @property
    def class_folders(self) -> list[str] | None:
        """Return the folder of each class, or None if the images do not lie in class folders."""
        found = [getattr(leaf, 'folder_to_idx', None) for leaf in leaves(self.dataset)]
        if not found[0] or any(other != found[0] for other in found):
            return None
        return sorted(found[0], key=found[0].get)

    def path(self, index: int) -> str | None:
        """Find the file of an image.

        Args:
            index (int): Index of the image in the data set.

        Returns:
            str: The path, or None if the image has no file.
        """
        return self.dataset.get_data_info(index).get('img_path')

    def file_name(self, index: int) -> str:
        """Choose the name of an image's JPEG file.

        Args:
            index (int): Index of the image in the data set.

        Returns:
            str: The name of the image's own file, below its class folder if it has one, or
            else its index. A JPEG keeps its name unchanged, as in ImageNet-C.
        """
        path = self.path(index)
        if path is None:
            return f'{index:08d}.jpg'
        path = Path(path)
        roots = [root for root in self.class_roots if path.is_relative_to(root)]
        # Subfolders of a class stay, as readers list them in their order.
        name = Path(*path.relative_to(roots[0]).parts[1:]) if roots else Path(path.name)
        jpeg = path.suffix.lower() in ('.jpg', '.jpeg')
        return (name if jpeg else name.with_suffix('.jpg')).as_posix()

    def read(self, index: int) -> tuple[np.ndarray, int]:
        """Read an image and its label through the pipeline.

        Args:
            index (int): Index of the image in the data set.

        Returns:
            tuple[np.ndarray, int]: The RGB image, uint8 (H, W, 3), and its label.

        Raises:
            CTError: If the pipeline gives no such image, or not exactly one label.
        """
        result = self.dataset[index]
        image = _checked_image(result)
        image = reordered(image, order_of_sample(result))
        return np.ascontiguousarray(image), _checked_label(result)


def _cut(transforms: list) -> None:
    ends = [i for i, transform in enumerate(transforms) if isinstance(transform, PackInputs)]
    del transforms[ends[0] if ends else len(transforms):]


def _no_data(cause: str) -> CTError:
    return CTError(
        f'no data for test_dataloader: {cause}; put the data there, or name its folder '
        'with --cfg-options test_dataloader.dataset.data_root=FOLDER'
    )


def _checked_image(result: Any) -> np.ndarray:
    image = result.get('img') if isinstance(result, dict) else None
    if not isinstance(image, np.ndarray):
        raise CTError("the test set's pipeline gives no image array 'img' before PackInputs")
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3:
        raise CTError(
            f"the test set's pipeline gives images of {image.dtype} and shape {image.shape}, "
            'but corruptions need uint8 (H, W, 3): leave out what normalises or turns to grey'
        )
    return image


def _checked_label(result: dict) -> int:
    label = result.get('gt_label')
    if label is None or np.ndim(label) or int(label) < 0:
        kind = 'no labels' if label is None else 'more than one label per image'
        raise CTError(f'the test set has {kind}: a corruption set needs one class per image')
    return int(label)
