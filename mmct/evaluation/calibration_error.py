"""Measure calibration errors: how far a network's confidence is from its accuracy."""

import numpy as np

from mmct.messages import is_count, require


def expected_calibration_error(confidence: np.ndarray, hits: np.ndarray, bins: int = 15) -> float:
    """Compute the mean gap between confidence and accuracy over bins of equal width.

    This is equation 3 of Guo et al., "On Calibration of Modern Neural Networks",
    2017. Bins exclude their lower end and include their upper end.

    Args:
        confidence (np.ndarray): Probability of the top class, from 0 to 1. (N,)
        hits (np.ndarray): True where the top class is right. (N,)
        bins (int): Number of bins. Defaults to 15.

    Returns:
        float: The calibration error in %.

    Raises:
        ValueError: If shapes differ, there are no images, a confidence is not a
            probability, a hit is neither true nor false, or ``bins`` is not a
            positive integer.
    """
    require(is_count(bins), 'bins must be an integer above 0', bins)
    confidence, hits = checked_confidence(confidence, hits)
    edges = np.linspace(0, 1, bins + 1)
    number = np.clip(np.searchsorted(edges, confidence) - 1, 0, bins - 1)
    gaps = np.bincount(number, confidence - hits, bins)
    return float(100 * np.abs(gaps).sum() / len(hits))


def rms_calibration_error(confidence: np.ndarray, hits: np.ndarray, bin_size: int = 100) -> float:
    """Compute the root mean squared gap over bins of equal mass.

    This is the score of Hendrycks et al., "Deep Anomaly Detection with Outlier
    Exposure", 2019, which AugMix reports. Images are sorted by confidence into bins
    of ``bin_size``; the last bin also takes the rest, and fewer images form a single
    bin. The code of both papers leaves the last bin, which has the highest
    confidence, out of the sum; here it counts.

    Args:
        confidence (np.ndarray): Probability of the top class, from 0 to 1. (N,)
        hits (np.ndarray): True where the top class is right. (N,)
        bin_size (int): Images per bin. Defaults to 100.

    Returns:
        float: The calibration error in %.

    Raises:
        ValueError: If shapes differ, there are no images, a confidence is not a
            probability, a hit is neither true nor false, or ``bin_size`` is not a
            positive integer.
    """
    require(is_count(bin_size), 'bin_size must be an integer above 0', bin_size)
    confidence, hits = checked_confidence(confidence, hits)
    # A stable sort keeps the order of images with the same confidence.
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
        tuple[np.ndarray, np.ndarray]: Rounded confidences and hits, both float64.

    Raises:
        ValueError: If shapes differ, there are no images, or a confidence is not
            a probability.
    """
    confidence = np.asarray(confidence, np.float64)
    hits = checked_hits(hits)
    if confidence.shape != hits.shape:
        raise ValueError(
            f'confidence and hits must be (N,), but got {confidence.shape} and {hits.shape}'
        )
    if not ((confidence >= 0) & (confidence <= 1 + 1e-6)).all():
        raise ValueError('confidence must be a probability from 0 to 1')
    # The batch size changes rounding errors of networks, which must not move an
    # image into another bin.
    return np.round(confidence, 6), hits.astype(np.float64)


def checked_hits(hits: np.ndarray) -> np.ndarray:
    """Check hits, which say on which images a network was right.

    Args:
        hits (np.ndarray): True or 1 where the network was right, else False or 0. (N,)

    Returns:
        np.ndarray: The hits, bool. (N,)

    Raises:
        ValueError: If there are no images, or a hit is neither true nor false.
    """
    hits = np.asarray(hits)
    if hits.ndim != 1 or not len(hits):
        raise ValueError(f'hits must be (N,) with N of 1 or more, but got {hits.shape}')
    if hits.dtype.kind not in 'biuf' or not np.isin(hits, (0, 1)).all():
        raise ValueError(
            'hits must be true where the top class of an image is right, else false; not classes'
        )
    return hits.astype(bool)
