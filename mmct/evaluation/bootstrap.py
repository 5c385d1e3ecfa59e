"""Intervals by drawing the images again."""

import numpy as np

LEVEL, RESAMPLES, SEED = 0.95, 10_000, 0


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
    # N draws among few values, such as numbers of errors, are one multinomial
    # draw of how often each value comes: the same distribution, and far faster.
    unique, counts = np.unique(values, return_counts=True)
    rng = np.random.default_rng(seed)
    rows = max(1, 10_000_000 // len(unique))
    means = [
        rng.multinomial(len(values), counts / len(values), min(rows, resamples - start)) @ unique
        for start in range(0, resamples, rows)
    ]
    tail = (1 - level) / 2
    low, high = np.quantile(np.concatenate(means) / len(values), (tail, 1 - tail))
    return float(low), float(high)
