"""Open images from an array, a folder, a data set or a loader, without an mm stack."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from torch import Tensor
from torch.utils.data import DataLoader, IterableDataset

from mmct.folders import data_folders, image_files
from mmct.image_content import read_rgb
from mmct.messages import absent
from mmct.runs.errors import CTError

from .cell_sources import CellSource, Images, as_pixels


def open_images(images: Any, labels: Any = None, size: int | None = None) -> CellSource:
    """Open images of any kind.

    Args:
        images (Any): The path of a folder with a folder per class; uint8 pixels (N, H, W, 3),
            (N, 3, H, W) or (N, H, W), as an array or tensor; a data set with items that are an
            image or (image, label); a loader of such a data set; or a :class:`CellSource`.
        labels (Any, optional): Labels of the images if the images come without them. Defaults
            to None. (N,)
        size (int, optional): For a folder, the side of the square in pixels to which images are
            center-cropped, after their shorter side was resized to ``size / 0.875``, as in
            ImageNet-C. Defaults to None: images keep their size.

    Returns:
        CellSource: A single cell of images, or the given source.

    Raises:
        CTError: If images or labels are missing or invalid.
    """
    in_folder = isinstance(images, (str, Path))
    ready = hasattr(images, 'cells') and hasattr(images, 'read')
    if labels is not None and (in_folder or ready):
        raise CTError('labels= is for images without labels: a folder and a set have their own')
    if in_folder:
        return _from_folder(Path(images), size)
    if size is not None:
        raise CTError(
            'size= is only for a folder: resize other images beforehand, or give the input_size= '
            'of the network, to which images are resized after they are corrupted'
        )
    if ready:
        return images
    if isinstance(images, DataLoader) and not isinstance(images.dataset, IterableDataset):
        # A batch sampler of the user's own has another sampler than the loader itself.
        sampler = getattr(images.batch_sampler, 'sampler', images.sampler)
        if sampler is not None and len(sampler) != len(images.dataset):
            raise CTError(
                f'the loader gives only {len(sampler)} of {len(images.dataset)} images: give a '
                'data set of these, such as torch.utils.data.Subset, or subset='
            )
        images = images.dataset
    if isinstance(images, (np.ndarray, Tensor)):
        return Images(_from_array(images), _checked_labels(labels, len(images)))
    if not (hasattr(images, '__getitem__') and hasattr(images, '__len__')):
        given = images.dataset if isinstance(images, DataLoader) else images
        raise CTError(
            f'images of type {type(given).__name__} cannot be read twice, which corruptions need: '
            'give an array, a folder, or a data set with __getitem__ and __len__'
        )
    return _from_dataset(images, labels)


class _Files(Sequence):
    """A sequence of images that are read from files on access."""

    def __init__(self, paths: Sequence[Path], size: int | None) -> None:
        self.paths, self.size = paths, size

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, number: int) -> Image.Image:
        return _resized(read_rgb(self.paths[number]), self.size)


def _resized(picture: Image.Image, size: int | None) -> Image.Image:
    if size is None:
        return picture
    scale = size / 0.875 / min(picture.size)
    width, height = (max(size, round(side * scale)) for side in picture.size)
    picture = picture.resize((width, height), Image.Resampling.BILINEAR)
    left, upper = (width - size) // 2, (height - size) // 2
    return picture.crop((left, upper, left + size, upper + size))


def _from_folder(root: Path, size: int | None) -> Images:
    if not root.is_dir():
        raise CTError(f'folder {absent(root)}')
    names = data_folders(root)
    paths, labels = [], []
    for number, name in enumerate(names):
        found = image_files(root / name)
        if not found:
            raise CTError(f'{root / name} has no images, so its class would be left out')
        paths += [root / name / path for path in found]
        labels += [number] * len(found)
    if not paths:
        raise CTError(f'{root} has no folders with images, but it needs one per class')
    return Images(_Files(paths, size), np.array(labels, np.int64), names)


def _from_array(images: np.ndarray | Tensor) -> np.ndarray:
    pixels = images.cpu().numpy() if isinstance(images, Tensor) else images
    if pixels.ndim == 4 and pixels.shape[1] == 3 and pixels.shape[3] != 3:
        pixels = pixels.transpose(0, 2, 3, 1)
    if pixels.ndim == 3:
        pixels = pixels[..., None]
    if pixels.dtype != np.uint8 or pixels.ndim != 4 or pixels.shape[3] not in (1, 3):
        raise CTError(
            f'the images are {pixels.dtype} {tuple(images.shape)}, but uint8 (N, H, W, 3) or '
            '(N, 3, H, W) is needed: remove transforms that scale or normalise pixels, and give '
            'mean and std of the network'
        )
    return np.repeat(pixels, 3, 3) if pixels.shape[3] == 1 else pixels


class _First(Sequence):
    """The images of a data set, without their labels."""

    def __init__(self, dataset: Any) -> None:
        self.dataset = dataset

    def __len__(self) -> int:
        return len(self.dataset)

    def __getitem__(self, number: int) -> Any:
        item = self.dataset[number]
        return item[0] if isinstance(item, (tuple, list)) else item


def _label(item: Any) -> Any:
    return item[1] if isinstance(item, (tuple, list)) and len(item) > 1 else None


def _from_dataset(dataset: Any, labels: Any) -> Images:
    count = len(dataset)
    if labels is None and getattr(dataset, 'target_transform', None) is None:
        labels = next(
            (
                found
                for name in ('targets', 'labels', '_labels')
                if (found := getattr(dataset, name, None)) is not None and len(found) == count
            ),
            None,
        )
        for number in range(0, count, max(1, count // 8)) if labels is not None else ():
            label = _label(dataset[number])
            if label is not None and not np.array_equal(label, labels[number]):
                raise CTError(
                    f'the data set lists label {labels[number]} for image {number}, but gives '
                    f'{label!r} with it: say by labels= which one counts'
                )
    if labels is None:
        labels = [_label(dataset[number]) for number in range(count)]
    labels = _checked_labels(labels, count)
    names = getattr(dataset, 'classes', None)
    if names is not None and labels.max() >= len(names):
        raise CTError(
            f'the data set has {len(names)} classes, but a label is {labels.max()}: labels count '
            'from 0'
        )
    images = _First(dataset)
    # A transform may be random in few of its calls, as a flip of half the images is.
    for number in range(0, count, -(-count // 8)):
        pixels = as_pixels(images[number])
        if not all(np.array_equal(pixels, as_pixels(images[number])) for _ in range(2)):
            raise CTError(
                'the data set gives different pixels each time that an image is read: leave '
                'random transforms out'
            )
    return Images(images, labels, names)


def _checked_labels(labels: Any, count: int) -> np.ndarray:
    if not count:
        raise CTError('there are no images to score')
    if isinstance(labels, Tensor):
        labels = labels.cpu().numpy()
    try:
        found = np.asarray(labels)
    except (TypeError, ValueError):  # tensors on another device, lists of several lengths
        found = np.empty(0, object)
    if found.dtype.kind not in 'biu' or found.shape != (count,) or found.min() < 0:
        raise CTError(
            f'labels must be {count} integers of 0 or more, one per image, but are {found.dtype} '
            f'{found.shape}, such as {found.ravel()[:1].tolist()}: give labels=, or a data set of '
            '(image, label)'
        )
    return found.astype(np.int64)
