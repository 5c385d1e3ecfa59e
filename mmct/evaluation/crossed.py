"""Estimate the standard error of a mean over seeds and images, each seed on the same images."""

import numpy as np


def crossed_error(values: np.ndarray) -> tuple[float, float]:
    """Compute the standard error of a mean over both random seeds and random images.

    The model has two crossed random effects without replication, ``y_si = mean + seed_s +
    image_i + residual_si`` (Searle, Casella, McCulloch, "Variance Components", 1992, chapter 4,
    balanced data). There are S seeds and I images. Let s, i and r be the variances of seeds,
    images and residuals. The mean squares MS of the analysis of variance have the expectations
    ``r + I s``, ``r + S i`` and ``r``. The variance of the mean is

        ``s / S + i / I + r / (S I) = (E MS_seed + E MS_image - E MS_residual) / (S I)``.

    ``MS_seed / (S I)`` is the variance of the seeds' means divided by S, which is the usual
    estimate without images. As variance components are not negative, the result is at least
    this, and at least the same estimate for the images.

    The degrees of freedom are Satterthwaite's ("An Approximate Distribution of Estimates of
    Variance Components", Biometrics Bulletin 2, 1946). For a sum of ``a_k MS_k`` with ``f_k``
    degrees each they are ``(sum a_k MS_k)^2 / sum((a_k MS_k)^2 / f_k)``; here ``f`` is S - 1,
    I - 1 and (S - 1)(I - 1), and each ``|a_k|`` is ``1 / (S I)``.

    In simulations of three to ten seeds the 95 % interval covers the truth in 93 to 98 of 100
    cases. The minimum is 92, for three seeds with a variance a few times that of the images, and
    87 for two (tests/evaluation/test_crossed.py): two seeds that agree by chance hide how much
    seeds differ.

    For a difference of two methods, pass the differences by seed and image, which are then
    paired by both. The estimate stays valid if the seeds have different images: the means over
    columns are then mere residuals, and the variance of the seeds includes that of the images.

    Args:
        values (np.ndarray): The values, with a row per seed and a column per image. (S, I)

    Returns:
        tuple[float, float]: The standard error, in the unit of the values, and the degrees of
        freedom of Student's t.

    Raises:
        ValueError: If there are fewer than two seeds or images, or a value is not
            finite.
    """
    values = np.asarray(values, np.float64)
    if values.ndim != 2 or min(values.shape) < 2:
        raise ValueError(
            f'values must be (S, I) with at least two seeds and images, but got {values.shape}'
        )
    if not np.isfinite(values).all():
        raise ValueError('values must be finite')
    seeds, images = values.shape
    by_seed, by_image = values.mean(1), values.mean(0)
    residuals = values - by_seed[:, None] - by_image + values.mean()
    free = np.array([seeds - 1, images - 1, (seeds - 1) * (images - 1)])
    # Each is MS / (S I).
    seed, image = by_seed.var(ddof=1) / seeds, by_image.var(ddof=1) / images
    residual = (residuals**2).sum() / free[2] / values.size
    variance = max(seed + image - residual, seed, image)
    if not variance:
        return 0.0, float(free[0])
    freedom = variance**2 / (np.array([seed, image, residual]) ** 2 / free).sum()
    return float(variance**0.5), float(freedom)
