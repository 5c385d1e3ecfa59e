"""Corrupt a batch of images with any of the corruptions."""

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

# Number of values per block. Intermediate results of a block stay in the processor's cache, and
# memory stays small however many images there are.
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
    """Corrupt images in the way of a benchmark, or with your own function.

    The benchmarks are CIFAR-10-C and ImageNet-C (Hendrycks & Dietterich, 2019) and the C-Bar sets
    (Mintun et al., 2021). The randomness of an image depends only on seed, index, corruption and
    severity, so the result does not depend on the other images in the batch.

    Args:
        images (np.ndarray): RGB images, uint8. (N, H, W, 3)
        corruption (str): One of :data:`mmct.corruptions.CORRUPTIONS` or
            :data:`mmct.corruptions.C_BAR`, or a registered one.
        severity (int): 1 (weak) to 5 (strong).
        seed (int): Seed from 0 to 2**64 - 1. Defaults to 0.
        indices (Sequence[int], optional): The images' indices in their data set, 0 or more.
            Defaults to None, 0 to N - 1. (N,)
        rng (RandomState | Generator, optional): Generator to draw from, image after image; it
            replaces ``seed`` and ``indices``. A ``RandomState`` in the state of NumPy's global
            one in the reference code reproduces the reference's draws, except for the C-Bar
            corruptions. Defaults to None.
        table (str, optional): Table of severities: 'cifar' (CIFAR-10-C and CIFAR-100-C),
            'tiny_imagenet' (Tiny-ImageNet-C) or 'imagenet' (ImageNet-C, as in
            ``imagecorruptions-imaug``). The C-Bar corruptions have the strengths of
            ImageNet-C-Bar with 'imagenet', and those of CIFAR-10-C-Bar with the others. Defaults
            to None, the table that fits the size: 'cifar' for images of up to 32 pixels,
            'imagenet' from 128 pixels, and 'tiny_imagenet' in between.

    Returns:
        np.ndarray: The corrupted images, a new array of the same shape and type.

    Raises:
        ValueError: If an argument is invalid, or the images are too small for the table.
    """
    check_corruption(corruption)
    severity = check_severity(severity)
    check_images(images)
    own = None if corruption in (*CORRUPTIONS, *C_BAR) else registered()[corruption]
    if own is None:
        table = choose_table(table, *images.shape[1:3])
    else:
        check_severities(severity, [corruption])
    streams = _streams(images, corruption, severity, seed, indices, rng)
    if own is not None:
        return own.apply(images, streams, severity)
    # Imported here, as SciPy and Numba take seconds to import.
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
