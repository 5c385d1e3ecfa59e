"""Measure how much of its errors a network knows: is it less sure where it is wrong?"""

from collections.abc import Sequence

import numpy as np

from .calibration_error import checked_confidence
from .summary import LEVEL, SEED, percentile_interval

# Fewer than of means: each draw is a pass over all images of all cells.
_RESAMPLES = 400


def known_share(
    cells: Sequence[tuple[np.ndarray, np.ndarray]], level: float = LEVEL, seed: int = SEED
) -> dict[str, float] | None:
    """Compute where confidence stands between telling nothing and telling everything.

    ``(e - A) / (e - A*)``, each summed over the cells. A is the area under the risk-coverage
    curve (Geifman and El-Yaniv, 2017); the error e is what it is if confidence tells nothing
    of what is wrong; A* is what it is if each wrong image has less than each right one.

    Args:
        cells (Sequence[tuple]): Of each cell the probability of the top class and where it is
            right. All are of the same images, which are drawn together. (N,) each
        level (float): Of the interval. Defaults to 0.95.
        seed (int): Of the bootstrap over images, of 400 draws. Defaults to 0.

    Returns:
        dict | None: ``value``, ``low`` and ``high`` in %; below 0 if it is surer where it is
        wrong. None if there are no errors to know of.

    Raises:
        ValueError: As :func:`expected_calibration_error`.
    """
    ranked = [_Ranked(*checked_confidence(*cell)) for cell in cells]
    count = len(cells[0][1])
    above, range_ = sum(cell.area(np.ones(count, np.int64)) for cell in ranked)
    if not range_:
        return None
    rng = np.random.default_rng(seed)
    shares = []
    for _ in range(_RESAMPLES):
        times = np.bincount(rng.integers(0, count, count), minlength=count)
        drawn, possible = sum(cell.area(times) for cell in ranked)
        if possible:
            shares.append(drawn / possible)
    shares = 100 * np.array([above / range_, *percentile_interval(np.array(shares), level)])
    numbers = np.round(shares, 9) + 0.0  # no negative zero
    return dict(zip(('value', 'low', 'high'), numbers.tolist(), strict=True))


class _Ranked:
    """The images of a cell, the surest first; those of equal confidence are one group."""

    def __init__(self, confidence: np.ndarray, hits: np.ndarray) -> None:
        self._order = np.argsort(-confidence, kind='stable')
        self._misses = (1 - hits)[self._order]
        new = np.diff(confidence[self._order], prepend=np.inf) != 0
        self._starts = np.flatnonzero(new)
        # Sums of 1 / n up to N, by which the best area follows from the number of errors.
        self._harmonic = np.append(0, np.cumsum(1 / np.arange(1, len(hits) + 1)))

    def area(self, times: np.ndarray) -> np.ndarray:
        """Return e - A and e - A*, of the images as often as they were drawn. (2,)."""
        times = times[self._order]
        count = times.sum()
        groups = np.add.reduceat(times, self._starts)
        wrong = np.add.reduceat(times * self._misses, self._starts)
        rates = wrong / np.maximum(groups, 1)
        risks = np.cumsum(np.repeat(rates, groups)) / np.arange(1, count + 1)
        errors = round(wrong.sum())
        right = count - errors
        best = (errors - right * (self._harmonic[count] - self._harmonic[right])) / count
        return errors / count - np.array([risks.mean(), best])
