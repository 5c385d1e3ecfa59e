"""What a solution gets wrong, and what it rests on."""

import numpy as np


def excess_risk(weights: np.ndarray, truth: np.ndarray, covariance: np.ndarray) -> float:
    """The expected squared error beyond the noise: ``(w - theta)' S (w - theta)``.

    Under a shift, ``truth`` and ``covariance`` are those of the test data.

    Args:
        weights (np.ndarray): (d,)
        truth (np.ndarray): The weights theta that make the label. (d,)
        covariance (np.ndarray): Of the centred features: the matrix, or its
            diagonal. (d, d) or (d,)

    Returns:
        float: In squared units of the label.

    Raises:
        ValueError: If shapes do not fit.
    """
    weights, truth, covariance = (np.asarray(a, np.float64) for a in (weights, truth, covariance))
    count = len(weights)
    if weights.shape != truth.shape or covariance.shape not in ((count,), (count, count)):
        raise ValueError(
            f'shapes do not fit: weights {weights.shape}, truth {truth.shape}, covariance '
            f'{covariance.shape}'
        )
    error = weights - truth
    if covariance.ndim == 1:
        return float((error * covariance * error).sum())
    return float(error @ covariance @ error)


def shares(weights: np.ndarray, features: np.ndarray) -> np.ndarray:
    """The part of the fit that each feature makes: ``w_j <x_j, X w> / |X w|^2``.

    They add up to 1; the share of a group is their sum.

    Args:
        weights (np.ndarray): (d,)
        features (np.ndarray): Of the training data. (n, d)

    Returns:
        np.ndarray: May be negative. (d,)

    Raises:
        ValueError: If the fit is zero.
    """
    fit = features @ weights
    size = fit @ fit
    if not size > 0:
        raise ValueError('a fit of zero has no shares')
    return weights * (features.T @ fit) / size
