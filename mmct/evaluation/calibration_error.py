"""Calibration errors: how far a network's confidence is from its accuracy."""

import numpy as np

from mmct.messages import is_count, require


def expected_calibration_error(confidence: np.ndarray, hits: np.ndarray, bins: int = 15) -> float:
    """Compute the mean gap of confidence and accuracy over bins of equal width.

    Guo et al., "On Calibration of Modern Neural Networks", 2017, equation 3:
    bins are open below and closed above.

    Args:
        confidence (np.ndarray): Probability of the top class, from 0 to 1. (N,)
        hits (np.ndarray): True where the top class is right. (N,)
        bins (int): Number of bins. Defaults to 15.

    Returns:
        float: In %.

    Raises:
        ValueError: If shapes differ, there are no images, a confidence is no
            probability, a hit is neither true nor false, or the setting no count.
    """
    require(is_count(bins), 'bins must be an integer above 0', bins)
    confidence, hits = checked_confidence(confidence, hits)
    edges = np.linspace(0, 1, bins + 1)
    number = np.clip(np.searchsorted(edges, confidence) - 1, 0, bins - 1)
    gaps = np.bincount(number, confidence - hits, bins)
    return float(100 * np.abs(gaps).sum() / len(hits))


def rms_calibration_error(confidence: np.ndarray, hits: np.ndarray, bin_size: int = 100) -> float:
    """Compute the root mean squared gap over bins of equal mass.

    Hendrycks et al., "Deep Anomaly Detection with Outlier Exposure", 2019, as
    AugMix reports it: images sorted by confidence, ``bin_size`` in each bin; the
    last bin has the rest as well. Fewer images than that are one bin. The code of
    both papers leaves the last bin, the most confident one, out of its sum; here it
    counts.

    Args:
        confidence (np.ndarray): Probability of the top class, from 0 to 1. (N,)
        hits (np.ndarray): True where the top class is right. (N,)
        bin_size (int): Images per bin. Defaults to 100.

    Returns:
        float: In %.

    Raises:
        ValueError: If shapes differ, there are no images, a confidence is no
            probability, a hit is neither true nor false, or the setting no count.
    """
    require(is_count(bin_size), 'bin_size must be an integer above 0', bin_size)
    confidence, hits = checked_confidence(confidence, hits)
    # Stable: images of the same confidence stay in their order.
    order = np.argsort(confidence, kind='stable')
    starts = np.arange(max(1, len(hits) // bin_size)) * bin_size
    sizes = np.diff(np.append(starts, len(hits)))
    gaps = np.add.reduceat((confidence - hits)[order], starts) / sizes
    return float(100 * np.sqrt((sizes * gaps**2).sum() / len(hits)))


def checked_confidence(
    confidence: np.ndarray, hits: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Check confidences and hits.

    Args:
        confidence (np.ndarray): Probability of the top class, from 0 to 1. (N,)
        hits (np.ndarray): True where the top class is right. (N,)

    Returns:
        tuple[np.ndarray, np.ndarray]: The same, as float64; confidences are rounded.

    Raises:
        ValueError: If shapes differ, there are no images, or a confidence is no
            probability.
    """
    confidence = np.asarray(confidence, np.float64)
    hits = checked_hits(hits)
    if confidence.shape != hits.shape:
        raise ValueError(
            f'confidence and hits must be (N,), got {confidence.shape} and {hits.shape}'
        )
    if not ((confidence >= 0) & (confidence <= 1 + 1e-6)).all():
        raise ValueError('confidence must be a probability from 0 to 1')
    # Networks round otherwise in batches of another size: that must not move
    # an image into another bin.
    return np.round(confidence, 6), hits.astype(np.float64)


def checked_hits(hits: np.ndarray) -> np.ndarray:
    """Check which images were right.

    Args:
        hits (np.ndarray): True or 1 where an image was right, else False or 0. (N,)

    Returns:
        np.ndarray: bool. (N,)

    Raises:
        ValueError: If there are none, or a value is neither.
    """
    hits = np.asarray(hits)
    if hits.ndim != 1 or not len(hits):
        raise ValueError(f'hits must be (N,) with N of 1 or more, got {hits.shape}')
    if hits.dtype.kind not in 'biuf' or not np.isin(hits, (0, 1)).all():
        raise ValueError(
            'hits must be true or false, whether the top class of an image is right, not classes'
        )
    return hits.astype(bool)
