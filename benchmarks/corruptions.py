"""Speed of mmct.corruptions on one core, over imagecorruptions-imaug called image by image.

In each round both corrupt the same images at the same severities of ImageNet-C, one
after the other. At 32 pixels CIFAR-10-C's severity is measured besides, and set
against the images a second that the reference code made on another day.
"""

import argparse
import csv
import os
import statistics
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import cv2
import imagecorruptions
import numpy as np
from sklearn.datasets import load_sample_images

from mmct.corruptions import CORRUPTIONS, SEVERITIES, corrupt
from mmct.report import Row, Table

SMALL = 32  # pixels a side, CIFAR's
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


def crops(count: int, size: int) -> np.ndarray:
    """Pieces of scikit-learn's two photographs, enlarged for more than 400 px. (N, S, S, 3)."""
    rng = np.random.default_rng(0)
    photographs = load_sample_images().images
    if size > 400:
        photographs = [cv2.resize(p, None, fx=size / 400, fy=size / 400) for p in photographs]
    pieces = np.empty((count, size, size, 3), np.uint8)
    for piece in pieces:
        photograph = photographs[rng.integers(len(photographs))]
        top, left = (rng.integers(n - size) for n in photograph.shape[:2])
        piece[:] = photograph[top:top + size, left:left + size]
    return pieces


def ours(corruption: str, severities: list[int], images: np.ndarray, table: str) -> None:
    """All images at once."""
    for severity in severities:
        corrupt(images, corruption, severity, table=table)


def library(corruption: str, severities: list[int], images: np.ndarray) -> None:
    """The library, image by image."""
    for severity in severities:
        for image in images:
            imagecorruptions.corrupt(image, severity, corruption)


def seconds(run: Callable[[np.ndarray], None], images: np.ndarray) -> float:
    """Processor time: another process does not count."""
    start = time.process_time()
    run(images)
    return time.process_time() - start


def main() -> None:
    """Measure, and print a table; docs/tables has those of docs/performance.md as CSV."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--size', type=int, default=SMALL, help='pixels a side, default 32')
    parser.add_argument('--images', type=int, help='default 10000 of 32 px, else 20')
    parser.add_argument('--rounds', type=int, default=5, help='parts that the images are cut into')
    parser.add_argument('--severities', type=int, nargs='+', help='default 3 for 32 px, else all')
    parser.add_argument('--only', nargs='+', default=CORRUPTIONS, choices=CORRUPTIONS)
    parser.add_argument('--csv', type=Path, help='write the table to this file, too')
    args = parser.parse_args()
    small = args.size == SMALL
    count = args.images or (10_000 if small else 20)
    severities = args.severities or ([3] if small else list(SEVERITIES))
    cv2.setNumThreads(1)
    if hasattr(os, 'sched_setaffinity'):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    images = crops(count, args.size)

    rows, found = [], []
    for corruption in args.only:
        runs = [
            partial(ours, corruption, severities, table='imagenet'),
            partial(library, corruption, severities),
        ]
        if small:
            runs.append(partial(ours, corruption, severities, table='cifar'))
        for run in runs:
            run(images[:2])  # compiles, loads textures
        rounds = [[seconds(run, x) for run in runs] for x in np.array_split(images, args.rounds)]
        ratios = [theirs / mine for mine, theirs, *_ in rounds]
        totals = [sum(times) / count / len(severities) for times in zip(*rounds, strict=True)]
        found.append((statistics.median(ratios), *totals))
        cells = [
            *(f'{ratio:.1f}' for ratio in (found[-1][0], min(ratios), max(ratios))),
            *(f'{1e3 * total:.3g}' for total in totals[:2]),
        ]  # fmt: skip
        if small:
            speed = 1 / totals[2]
            cells += [f'{speed:.0f}', f'{speed / REFERENCE[corruption]:.1f}']
        rows.append(Row(corruption, cells))
        print(f'{corruption}: {", ".join(cells)}', file=sys.stderr)
    ratios, mine, theirs, *_ = zip(*found, strict=True)
    mean = f'{statistics.geometric_mean(ratios):.1f}'
    cells = [mean, '', '', *(f'{1e3 * statistics.mean(times):.3g}' for times in (mine, theirs))]
    if small:
        over = (1 / row[3] / REFERENCE[name] for row, name in zip(found, args.only, strict=True))
        cells += ['', f'{statistics.geometric_mean(over):.1f}']
    rows.append(Row('mean (of ratios geometric)', cells))
    head = ['corruption', 'x library', 'worst round', 'best round']
    head += ['ms per image', 'library, ms per image']
    head += ['images/s at severity 3 of CIFAR-10-C', 'x reference'] if small else []
    print(Table(head, rows).to_markdown(), end='')
    if args.csv is not None:
        with args.csv.open('w', encoding='utf-8', newline='') as file:
            lines = csv.writer(file, lineterminator='\n')
            lines.writerows([head, *([row.name, *row.cells] for row in rows)])
    cells = 5 * len(args.only)
    for name, times in (('ours', mine), ('library', theirs)):
        print(f'{name}: {1000 * cells * statistics.mean(times):,.0f} s for {cells} cells of 1,000')


if __name__ == '__main__':
    main()
