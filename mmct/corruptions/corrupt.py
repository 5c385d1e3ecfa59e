"""Corrupt a batch of images: the one entry to all corruptions."""

from collections.abc import Sequence

import numpy as np

from .c_bar import C_BAR
from .names import (
    CORRUPTIONS,
    SMALL,
    check_corruption,
    check_images,
    check_seed,
    check_severity,
    choose_table,
)
from .registry import check_severities, registered
from .streams import InOrder, Keyed, Source, Streams

# Values that are worked on at a time: what is computed stays in the cache, and
# the memory stays small however many images there are.
_BLOCK = 1 << 16


def corrupt(
    images: np.ndarray,
    corruption: str,
    severity: int,
    *,
    seed: int = 0,
    indices: Sequence[int] | np.ndarray | None = None,
    rng: Source | None = None,
    table: str | None = None,
) -> np.ndarray:
    """Corrupt images as CIFAR-10-C or ImageNet-C are (Hendrycks & Dietterich, 2019).

    Or as the C-Bar sets are (Mintun et al., 2021), or by a function of one's own.

    An image's randomness is keyed by (seed, index, corruption, severity): the
    result does not depend on the batch that the image is in.

    Args:
        images (np.ndarray): RGB, uint8. (N, H, W, 3)
        corruption (str): One of :data:`mmct.corruptions.CORRUPTIONS` or
            :data:`mmct.corruptions.C_BAR`, or one that was registered.
        severity (int): 1 (weak) to 5 (strong).
        seed (int): 0 or more, less than 2**64. Defaults to 0.
        indices (Sequence[int], optional): The images' indices in their data
            set, 0 or more. Defaults to 0, 1, ... (N,)
        rng (RandomState | Generator, optional): Draw from this one generator,
            image after image, in place of the keys. With a ``RandomState``, in
            the state that NumPy's global one had in the reference code, the
            draws are the reference's (not of the C-Bar sets). Defaults to None.
        table (str, optional): The severities: 'cifar' (CIFAR-10-C's and
            CIFAR-100-C's), 'tiny_imagenet' (Tiny-ImageNet-C's) or 'imagenet'
            (ImageNet-C's, as ``imagecorruptions-imaug`` has them). Defaults to
            'cifar' for images of up to 32 pixels, 'imagenet' from 128 pixels, and
            'tiny_imagenet' between. Of the C-Bar corruptions, ImageNet-C-Bar's with
            'imagenet' and CIFAR-10-C-Bar's with the others.

    Returns:
        np.ndarray: Corrupted images, a new array as the old.

    Raises:
        ValueError: If an argument is none of the above, or the images are too
            small for the table.
    """
    check_corruption(corruption)
    severity = check_severity(severity)
    check_images(images)
    own = None if corruption in (*CORRUPTIONS, *C_BAR) else registered()[corruption]
    if own is None:
        table = choose_table(table, *images.shape[1:3])
    else:
        check_severities([corruption], [severity])
    streams = _streams(images, corruption, severity, seed, indices, rng)
    if own is not None:
        return own.apply(images, streams, severity)
    # Here, as SciPy and Numba take seconds to import.
    from .tables import corrupt_block

    out = np.empty_like(images)
    step = max(1, _BLOCK // max(1, images[:1].size))
    for start in range(0, len(images), step):
        part = streams.part(start, start + step)
        block = np.ascontiguousarray(images[start:start + step])
        out[start:start + step] = corrupt_block(block, part, corruption, severity, table)
    return out


def _streams(
    images: np.ndarray,
    corruption: str,
    severity: int,
    seed: int,
    indices: Sequence[int] | np.ndarray | None,
    rng: Source | None,
) -> Streams:
    if rng is not None:
        if not isinstance(rng, Source):
            raise ValueError(
                f'rng must be a numpy RandomState or Generator, got {type(rng).__name__}'
            )
        return InOrder(rng)
    seed = check_seed(seed)
    count = len(images)
    indices = np.arange(count) if indices is None else np.asarray(indices)
    if indices.shape != (count,) or indices.dtype.kind not in 'iu' or (indices < 0).any():
        raise ValueError(
            f'indices must be {count} integers from 0 on, one an image, got {indices.dtype} '
            f'of shape {indices.shape}'
        )
    return Keyed(seed, corruption, severity, indices, large=max(images.shape[1:3]) > SMALL)
