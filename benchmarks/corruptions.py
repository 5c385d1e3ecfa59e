"""Speed of mmct.corruptions on one core, over imagecorruptions-imaug called image by image.

In each round both corrupt the same images one after the other. Ours has the
library's parameters (ImageNet-C's, severity 3) wherever both do the same; at
CIFAR-10-C's it is set against the images a second that the reference code made
on another day.
"""

import argparse
import os
import statistics
import sys
import time
from collections.abc import Callable
from functools import partial

import cv2
import imagecorruptions
import numpy as np
from sklearn.datasets import load_sample_images

from mmct.corruptions import CORRUPTIONS, corrupt
from mmct.corruptions.cifar import DETERMINISTIC, RANDOM
from mmct.corruptions.streams import Keyed
from mmct.report import Row, Table

SIZE = 32
SEVERITY = 3
BLOCK = 21  # images; as `corrupt` takes them at this size
# The library's at severity 3. Its frost is not scaled, and its elastic
# transform has no affine part: ours keeps CIFAR-10-C's parameters there.
LIBRARY = dict(
    gaussian_noise=(0.18,),
    shot_noise=(12,),
    impulse_noise=(0.09,),
    defocus_blur=(6, 0.5),
    glass_blur=(1, 2, 3),
    motion_blur=(15, 8),
    zoom_blur=(1.21, 0.02),
    snow=(0.55, 0.3, 4, 0.9, 12, 8, 0.7),
    fog=(2.5, 1.7),
    brightness=(0.3,),
    contrast=(0.2,),
    pixelate=(0.4,),
    jpeg_compression=(15,),
    speckle_noise=(0.35,),
    gaussian_blur=(3,),
    spatter=(0.65, 0.3, 2, 0.68, 0.5, 0),
    saturate=(2, 0),
)
# Images a second, one core, severities of CIFAR-10-C: measured once, on a
# machine of this kind.
REFERENCE = dict(
    gaussian_noise=3748,
    shot_noise=2505,
    impulse_noise=3310,
    defocus_blur=2244,
    glass_blur=76,
    motion_blur=605,
    zoom_blur=308,
    snow=533,
    frost=182,
    fog=1392,
    brightness=890,
    contrast=4523,
    elastic_transform=1283,
    pixelate=5792,
    jpeg_compression=2805,
    speckle_noise=4124,
    gaussian_blur=3437,
    spatter=1948,
    saturate=1529,
)


def crops(count: int) -> np.ndarray:
    """Pieces of scikit-learn's two photographs. (N, 32, 32, 3)."""
    rng = np.random.default_rng(0)
    photographs = load_sample_images().images
    pieces = np.empty((count, SIZE, SIZE, 3), np.uint8)
    for piece in pieces:
        photograph = photographs[rng.integers(len(photographs))]
        top, left = (rng.integers(n - SIZE) for n in photograph.shape[:2])
        piece[:] = photograph[top:top + SIZE, left:left + SIZE]
    return pieces


def ours_as_the_library(corruption: str, images: np.ndarray) -> None:
    """Ours, with the library's parameters where there are such."""
    if corruption not in LIBRARY:
        corrupt(images, corruption, SEVERITY)
        return
    streams = Keyed(0, corruption, SEVERITY, np.arange(len(images)))
    for start in range(0, len(images), BLOCK):
        block = images[start:start + BLOCK]
        if corruption in RANDOM:
            part = streams.part(start, start + BLOCK)
            RANDOM[corruption](block, part, *LIBRARY[corruption])
        else:
            DETERMINISTIC[corruption](block, *LIBRARY[corruption])


def ours(corruption: str, images: np.ndarray) -> None:
    """Ours, as CIFAR-10-C."""
    corrupt(images, corruption, SEVERITY)


def library(corruption: str, images: np.ndarray) -> None:
    """The library, image by image."""
    for image in images:
        imagecorruptions.corrupt(image, SEVERITY, corruption)


def seconds(run: Callable[[np.ndarray], None], images: np.ndarray) -> float:
    """Processor time: another process does not count."""
    start = time.process_time()
    run(images)
    return time.process_time() - start


def main() -> None:
    """Measure, and print a table for docs/performance.md."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--images', type=int, default=10_000, help='default 10000')
    parser.add_argument('--rounds', type=int, default=5, help='parts that the images are cut into')
    args = parser.parse_args()
    cv2.setNumThreads(1)
    if hasattr(os, 'sched_setaffinity'):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    images = crops(args.images)

    rows, ratios, over_reference = [], [], []
    for corruption in CORRUPTIONS:
        runs = [partial(f, corruption) for f in (ours_as_the_library, library, ours)]
        for run in runs:
            run(images[:BLOCK])  # compiles, loads textures
        parts = np.array_split(images, args.rounds)
        rounds = [[seconds(run, part) for run in runs] for part in parts]
        ratio = [theirs / mine for mine, theirs, _ in rounds]
        speed = args.images / sum(cifar for *_, cifar in rounds)
        ratios.append(statistics.median(ratio))
        over_reference.append(speed / REFERENCE[corruption])
        mark = '' if corruption in LIBRARY else ' *'
        cells = (
            f'{ratios[-1]:.1f}', f'{min(ratio):.1f}, {max(ratio):.1f}', f'{speed:,.0f}',
            f'{over_reference[-1]:.1f}',
        )  # fmt: skip
        rows.append(Row(f'{corruption}{mark}', cells))
        print(f'{corruption}: {", ".join(cells)}', file=sys.stderr)
    mean, over = (f'{statistics.geometric_mean(x):.1f}' for x in (ratios, over_reference))
    rows.append(Row('geometric mean', [mean, '', '', over]))
    head = ['corruption', 'x library', 'worst, best round', 'images/s, CIFAR-C', 'x reference']
    print(Table(head, rows).to_markdown(), end='')


if __name__ == '__main__':
    main()
