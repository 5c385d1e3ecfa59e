"""Compute the solutions of gradient descent from zero, with and without normalisation."""

import numpy as np

from mmct.messages import is_count, is_positive, require

_RANK = 1e-10  # singular values below this fraction of the largest count as zero


def deviations(features: np.ndarray) -> np.ndarray:
    """Compute the standard deviation of each feature, by which normalisation divides.

    Args:
        features (np.ndarray): The features. (n, d)

    Returns:
        np.ndarray: The standard deviations, exactly 0 for constant features
        despite rounding errors. (d,)

    Raises:
        ValueError: If the features have another shape or are not finite.
    """
    features = _finite(features, 'features')
    require(features.ndim == 2 and len(features) > 0, 'features must be (n, d)', features.shape)
    found = features.std(0)
    found[found <= 1e-12 * np.abs(features).max(0, initial=0)] = 0
    return found


def min_norm(
    features: np.ndarray, targets: np.ndarray, scale: np.ndarray | None = None
) -> np.ndarray:
    """Compute the interpolating weights of least norm, in closed form.

    Without ``scale`` these are ``argmin |w|``. With it they are ``argmin |D w|``
    for ``D = diag(scale)``, the least norm after each feature is divided by its
    scale: ``w = D^-2 X' (X D^-2 X')^-1 y``. If no weights interpolate, as is usual
    for ``n > d``, the result is the least-squares solution of least norm; if that
    solution is unique, the scale does not matter.

    Args:
        features (np.ndarray): The features. (n, d)
        targets (np.ndarray): The targets. (n,) or (n, k)
        scale (np.ndarray, optional): Divisors of the features, 0 or more. A
            scale of 0 stands for a constant feature, which normalisation
            removes: its weight is 0. Defaults to None: no scaling. (d,)

    Returns:
        np.ndarray: The weights of the original features. (d,) or (d, k)

    Raises:
        ValueError: If shapes do not match, a number is not finite, or a scale
            is negative.
    """
    features, targets, scale = _checked(features, targets, scale)
    scaled = features * _inverse(scale)
    return _columns(_inverse(scale), targets) * (
        np.linalg.pinv(scaled, rcond=_RANK) @ targets
    )


def gradient_descent(
    features: np.ndarray,
    targets: np.ndarray,
    scale: np.ndarray | None = None,
    tolerance: float = 1e-12,
    max_steps: int = 200_000,
) -> np.ndarray:
    """Find the weights of :func:`min_norm` by gradient descent from zero on the squared error.

    Args:
        features (np.ndarray): The features. (n, d)
        targets (np.ndarray): The targets. (n,) or (n, k)
        scale (np.ndarray, optional): See :func:`min_norm`. (d,)
        tolerance (float): Descent stops when the gradient has fallen to this
            fraction of the first one. Defaults to 1e-12.
        max_steps (int): Maximum number of steps. Defaults to 200,000.

    Returns:
        np.ndarray: The weights. (d,) or (d, k)

    Raises:
        ValueError: As for :func:`min_norm`, or if a setting is not above 0.
        RuntimeError: If the descent has not converged, because the problem is
            ill-conditioned.
    """
    require(is_positive(tolerance), 'tolerance must be above 0', tolerance)
    require(is_count(max_steps), 'max_steps must be an integer above 0', max_steps)
    features, targets, scale = _checked(features, targets, scale)
    scaled = features * _inverse(scale)
    singular = np.linalg.svd(scaled, compute_uv=False)
    largest = singular.max(initial=0)
    weights = np.zeros((features.shape[1], *targets.shape[1:]))
    gradient = scaled.T @ (scaled @ weights - targets)
    first = np.linalg.norm(gradient)
    for _ in range(max_steps):
        if np.linalg.norm(gradient) <= tolerance * first:
            return _columns(_inverse(scale), targets) * weights
        weights -= gradient / largest**2
        gradient = scaled.T @ (scaled @ weights - targets)
    condition = largest / singular[singular > _RANK * largest].min()
    raise RuntimeError(
        f'gradient descent has not converged in {max_steps} steps: the condition number is '
        f'{condition:.1e}; use min_norm'
    )


def _inverse(scale: np.ndarray) -> np.ndarray:
    return np.divide(1, scale, out=np.zeros_like(scale), where=scale > 0)


def _columns(values: np.ndarray, targets: np.ndarray) -> np.ndarray:
    return values if targets.ndim == 1 else values[:, None]


def _checked(
    features: np.ndarray, targets: np.ndarray, scale: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    features, targets = _finite(features, 'features'), _finite(targets, 'targets')
    if features.ndim != 2 or targets.ndim not in (1, 2) or len(features) != len(targets):
        raise ValueError(
            f'features must be (n, d) and targets (n,) or (n, k), but got {features.shape} and '
            f'{targets.shape}'
        )
    scale = np.ones(features.shape[1]) if scale is None else _finite(scale, 'scale')
    if scale.shape != features.shape[1:]:
        raise ValueError(f'scale must be ({features.shape[1]},), but got {scale.shape}')
    if (scale < 0).any():
        raise ValueError('scale must be 0 or more')
    return features, targets, scale


def _finite(values: np.ndarray, what: str) -> np.ndarray:
    values = np.asarray(values, np.float64)
    if not np.isfinite(values).all():
        raise ValueError(f'{what} must be finite')
    return values


def excess_risk(weights: np.ndarray, truth: np.ndarray, covariance: np.ndarray) -> float:
    """Compute the expected squared error beyond the noise: ``(w - theta)' S (w - theta)``.

    Under a shift, ``truth`` and ``covariance`` are those of the test data.

    Args:
        weights (np.ndarray): The fitted weights w. (d,)
        truth (np.ndarray): The weights theta that define the label. (d,)
        covariance (np.ndarray): The covariance matrix S of the centred
            features, or its diagonal. (d, d) or (d,)

    Returns:
        float: The excess risk, in squared units of the label.

    Raises:
        ValueError: If shapes do not match, or a number is not finite.
    """
    weights, truth = _finite(weights, 'weights'), _finite(truth, 'truth')
    covariance, count = _finite(covariance, 'covariance'), weights.size
    fits = covariance.shape in ((count,), (count, count))
    if not fits or weights.shape != (count,) or weights.shape != truth.shape:
        raise ValueError(
            f'shapes do not match: weights {weights.shape}, truth {truth.shape}, covariance '
            f'{covariance.shape}'
        )
    error = weights - truth
    if covariance.ndim == 1:
        return float((error * covariance * error).sum())
    return float(error @ covariance @ error)


def shares(weights: np.ndarray, features: np.ndarray) -> np.ndarray:
    """Compute the share of each feature in the fit: ``w_j <x_j, X w> / |X w|^2``.

    The shares add up to 1; the share of a group of features is the sum of theirs.

    Args:
        weights (np.ndarray): The weights. (d,)
        features (np.ndarray): The features of the training data. (n, d)

    Returns:
        np.ndarray: The shares, which may be negative. (d,)

    Raises:
        ValueError: If the fit is zero, shapes do not match, or a number is not finite.
    """
    weights, features = _finite(weights, 'weights'), _finite(features, 'features')
    if weights.ndim != 1 or features.ndim != 2 or features.shape[1:] != weights.shape:
        raise ValueError(
            f'shapes do not match: weights {weights.shape}, features {features.shape}'
        )
    fit = features @ weights
    size = fit @ fit
    if not size > 0:
        raise ValueError('a fit of zero has no shares')
    return weights * (features.T @ fit) / size
