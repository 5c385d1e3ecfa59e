"""Measure whether a network knows its errors, that is, is less confident where it is wrong."""

from collections.abc import Sequence

import numpy as np

from mmct.messages import require

from .calibration_error import checked_confidence
from .summary import LEVEL, SEED, percentile_interval

# Fewer than for means, as each draw is a pass over all images of all cells.
_RESAMPLES = 400


def known_share(
    cells: Sequence[tuple[np.ndarray, np.ndarray]], level: float = LEVEL, seed: int = SEED
) -> dict[str, float] | None:
    """Compute how well confidence separates errors: 0 % for not at all, 100 % for perfectly.

    The score is ``(e - A) / (e - A*)``, with numerator and denominator summed over the cells
    (corruptions at severities). A is the area under the risk-coverage curve (Geifman and
    El-Yaniv, 2017). It equals the error e if confidence is unrelated to errors, and A* if every
    wrong image has a lower confidence than every right one.

    Args:
        cells (Sequence[tuple]): For each cell the probability of the top class, and the hits,
            True where that class is right. All cells have the same images, which are resampled
            together. (N,) each
        level (float): Level of the interval. Defaults to 0.95.
        seed (int): Seed of the bootstrap over images, with 400 draws. Defaults to 0.

    Returns:
        dict | None: ``value``, ``low`` and ``high`` in %; negative if the network is more
        confident where it is wrong. None if there are no errors.

    Raises:
        ValueError: See :func:`expected_calibration_error`.
    """
    require(len(cells) > 0, 'known_share: there must be at least one cell', 0)
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
    """The images of a cell by falling confidence; equal confidences form one group."""

    def __init__(self, confidence: np.ndarray, hits: np.ndarray) -> None:
        self._order = np.argsort(-confidence, kind='stable')
        self._misses = (1 - hits)[self._order]
        new = np.diff(confidence[self._order], prepend=np.inf) != 0
        self._starts = np.flatnonzero(new)
        # Sums of 1 / n up to N, which give the best area for a number of errors.
        self._harmonic = np.append(0, np.cumsum(1 / np.arange(1, len(hits) + 1)))

    def area(self, times: np.ndarray) -> np.ndarray:
        """Return e - A and e - A*, (2,), for images that were drawn the given number of times."""
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
