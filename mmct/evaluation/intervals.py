"""Intervals by drawing the images again."""

from collections.abc import Iterator

import numpy as np

LEVEL, RESAMPLES, SEED = 0.95, 10_000, 0
_BLOCK = 2_000_000  # numbers that are drawn at a time


def mean_interval(
    values: np.ndarray, level: float = LEVEL, resamples: int = RESAMPLES, seed: int = SEED
) -> tuple[float, float]:
    """The percentile bootstrap interval of a mean over images.

    It says how much the mean depends on which images are in the set; not how
    much on the seed of the training. For a difference of two runs, give the
    differences image by image: the runs are then paired.

    Args:
        values (np.ndarray): One for each image. (N,)
        level (float): Between 0 and 1. Defaults to 0.95.
        resamples (int): How often N images are drawn. Defaults to 10,000.
        seed (int): Of the draws. Defaults to 0.

    Returns:
        tuple[float, float]: Its ends.

    Raises:
        ValueError: If there are no values, or ``level`` is none.
    """
    values = np.asarray(values, np.float64)
    if values.ndim != 1 or not len(values) or not 0 < level < 1:
        raise ValueError(f'needs values (N,) and a level in (0, 1), got {values.shape}, {level}')
    rng = np.random.default_rng(seed)
    means = np.concatenate(list(_means(values, resamples, rng)))
    tail = (1 - level) / 2
    low, high = np.quantile(means, (tail, 1 - tail))
    return float(low), float(high)


def _means(values: np.ndarray, resamples: int, rng: np.random.Generator) -> Iterator[np.ndarray]:
    """The means of N values drawn from N, in blocks that stay small in memory."""
    count = len(values)
    unique, times = np.unique(values, return_counts=True)
    # N draws among few values, such as numbers of errors, are one multinomial
    # draw of how often each value comes: the same distribution, and far faster.
    few = 8 * len(unique) < count
    rows = max(1, _BLOCK // (len(unique) if few else count))
    for start in range(0, resamples, rows):
        size = min(rows, resamples - start)
        if few:
            yield rng.multinomial(count, times / count, size) @ unique / count
        else:
            yield values[rng.integers(0, count, (size, count), dtype=np.int32)].mean(1)
