"""Run experiments in which normalisation helps in-domain and hurts under a shift.

There are three: random regression problems, a two-layer network on the same data, and real images.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from mmct.messages import is_count, is_positive, require

from .min_norm import deviations, excess_risk, min_norm, shares

CALIBRATIONS = ('none', 'layer', 'channel')
"""The ways to normalise the hidden channels of the two-layer network."""


@dataclass(frozen=True)
class Setting:
    """A regression problem in which half of the features have low variance.

    In-domain the label is ``theta' x`` with independent features. At test time
    the low-variance features are noise of unit variance that does not affect
    the label: they were specific to the training domain.

    Attributes:
        samples (int): Number n of training samples. Defaults to 20.
        features (int): Number d of features, even. Defaults to 60.
        ratio (float): Standard deviation of the low-variance half; that of the
            other half is 1. Defaults to 0.1.
        low_signal (float): Fraction of the label's in-domain variance that the
            low-variance half carries, from 0 to 1. Defaults to 0.75.
    """

    samples: int = 20
    features: int = 60
    ratio: float = 0.1
    low_signal: float = 0.75

    def __post_init__(self) -> None:
        counts = is_count(self.features, 2) and is_count(self.samples, 2)
        if not counts or self.features % 2:
            raise ValueError('features must be even, 2 or more; samples 2 or more')
        if not (is_positive(self.ratio) and 0 <= self.low_signal <= 1):
            raise ValueError('ratio must be above 0, low_signal from 0 to 1')

    @property
    def low(self) -> np.ndarray:
        """Return a mask of the low-variance features, bool (d,)."""
        return np.arange(self.features) >= self.features // 2

    @property
    def sigma(self) -> np.ndarray:
        """Return the in-domain standard deviation of each feature, (d,)."""
        return np.where(self.low, self.ratio, 1.0)

    def draw_truth(self, rng: np.random.Generator) -> np.ndarray:
        """Draw the weights theta of a label with an in-domain variance of 1.

        Args:
            rng (np.random.Generator): Generator of the draw.

        Returns:
            np.ndarray: The weights theta. (d,)
        """
        truth = rng.normal(size=self.features)
        for half in (self.low, ~self.low):
            truth[half] /= np.linalg.norm(truth[half])
        parts = np.where(self.low, self.low_signal, 1 - self.low_signal)
        return truth * np.sqrt(parts) / self.sigma


class Outcome(NamedTuple):
    """Risks of the solutions without and with normalisation, in this order, for one draw.

    Attributes:
        in_domain (np.ndarray): Excess risk divided by the label's variance. (2,)
        shifted (np.ndarray): Excess risk at test time divided by the label's
            variance there or, if that is 0, by its in-domain variance. (2,)
        low_share (np.ndarray): Share of the low-variance features in the fit. (2,)
    """

    in_domain: np.ndarray
    shifted: np.ndarray
    low_share: np.ndarray


def draw(setting: Setting, rng: np.random.Generator) -> Outcome:
    """Draw a training set and solve it without and with normalisation.

    Args:
        setting (Setting): The problem.
        rng (np.random.Generator): Generator of the draw.

    Returns:
        Outcome: The risks of both solutions.
    """
    low, sigma = setting.low, setting.sigma
    truth = setting.draw_truth(rng)
    inputs = rng.normal(size=(setting.samples, setting.features)) * sigma
    targets = inputs @ truth
    found = [min_norm(inputs, targets), min_norm(inputs, targets, deviations(inputs))]
    kept = np.where(low, 0, truth)
    left = (kept * kept).sum() or 1.0
    return Outcome(
        np.array([excess_risk(w, truth, sigma**2) for w in found]),
        np.array([excess_risk(w, kept, np.ones_like(sigma)) / left for w in found]),
        np.array([shares(w, inputs)[low].sum() for w in found]),
    )


def sweep(settings: Sequence[Setting], draws: int, seed: int = 0) -> np.ndarray:
    """Draw the regression several times in each setting.

    Args:
        settings (Sequence[Setting]): The points of a curve.
        draws (int): Number of draws per setting.
        seed (int): Seed of all draws. Defaults to 0.

    Returns:
        np.ndarray: In-domain risk, shifted risk and low share, without and with
        normalisation. (settings, draws, 3, 2)
    """
    require(is_count(draws), 'draws must be an integer above 0', draws)
    rng = np.random.default_rng(seed)
    return np.array([[draw(setting, rng) for _ in range(draws)] for setting in settings])


def hidden_scale(hidden: np.ndarray, calibration: str) -> np.ndarray | None:
    """Compute the numbers by which the hidden channels are divided.

    Args:
        hidden (np.ndarray): Hidden outputs on the training data. (n, channels)
        calibration (str): 'none'; 'layer' for one number, the root of the mean
            variance; or 'channel' for the standard deviation of each channel,
            as in BatchNorm.

    Returns:
        np.ndarray | None: The divisors, or None for 'none'. (channels,)

    Raises:
        ValueError: If the calibration is unknown.
    """
    known = calibration in CALIBRATIONS
    require(known, f'calibration must be one of {CALIBRATIONS}', calibration)
    if calibration == 'none':
        return None
    own = deviations(hidden)
    return own if calibration == 'channel' else np.full(len(own), np.sqrt((own**2).mean()))


def two_layer(
    setting: Setting, rng: np.random.Generator, channels: int = 200, tests: int = 500
) -> np.ndarray:
    """Fit the second layer of a network whose first layer stays random.

    Half of the ReLU channels see the high-variance features and half see the
    low-variance ones, so the channels differ in variance as the features do.

    Args:
        setting (Setting): The data; the label is linear in the features.
        rng (np.random.Generator): Generator of the draw.
        channels (int): Number of hidden channels, even. Defaults to 200.
        tests (int): Number of test samples. Defaults to 500.

    Returns:
        np.ndarray: Squared error divided by the variance of the label,
        in-domain and shifted, for each of :data:`CALIBRATIONS`. (3, 2)
    """
    require(is_count(channels, 2) and channels % 2 == 0, 'channels must be even', channels)
    require(is_count(tests), 'tests must be an integer above 0', tests)
    low, sigma = setting.low, setting.sigma
    truth = setting.draw_truth(rng)
    kept = np.where(low, 0, truth)
    first = rng.normal(size=(setting.features, channels)) / np.sqrt(setting.features / 2)
    first *= low[:, None] == (np.arange(channels) >= channels // 2)
    inputs = rng.normal(size=(setting.samples, setting.features)) * sigma
    at_test = rng.normal(size=(tests, setting.features))
    data = [(at_test * sigma, at_test * sigma @ truth), (at_test, at_test @ kept)]
    hidden = np.maximum(inputs @ first, 0)
    center, targets = hidden.mean(0), inputs @ truth
    found = []
    for calibration in CALIBRATIONS:
        scale = hidden_scale(hidden, calibration)
        weights = min_norm(hidden - center, targets - targets.mean(), scale)
        errors = []
        for x, y in data:
            guess = (np.maximum(x @ first, 0) - center) @ weights + targets.mean()
            errors.append(np.mean((guess - y) ** 2) / max(y.var(), 1e-12))
        found.append(errors)
    return np.array(found)


def sweep_two_layer(settings: Sequence[Setting], draws: int, seed: int = 0) -> np.ndarray:
    """Draw the two-layer network several times in each setting.

    Args:
        settings (Sequence[Setting]): The points of a curve.
        draws (int): Number of draws per setting.
        seed (int): Seed of all draws. Defaults to 0.

    Returns:
        np.ndarray: Errors, see :func:`two_layer`. (settings, draws, calibrations, 2)
    """
    require(is_count(draws), 'draws must be an integer above 0', draws)
    rng = np.random.default_rng(seed)
    return np.array([[two_layer(s, rng) for _ in range(draws)] for s in settings])


def relu_features(pixels: np.ndarray, count: int, rng: np.random.Generator) -> np.ndarray:
    """Compute random ReLU features, the outputs of an untrained first layer.

    Args:
        pixels (np.ndarray): Pixels from 0 to 1. (n, pixels)
        count (int): Number of features.
        rng (np.random.Generator): Generator of the weights.

    Returns:
        np.ndarray: The features. (n, count)

    Raises:
        ValueError: If the pixels have another shape, or ``count`` is not a
            positive integer.
    """
    require(np.ndim(pixels) == 2, 'pixels must be (n, pixels)', np.shape(pixels))
    require(is_count(count), 'count must be an integer above 0', count)
    weights = rng.normal(size=(pixels.shape[1], count)) / np.sqrt(pixels.shape[1])
    return np.maximum(pixels @ weights + rng.normal(size=count) / 4, 0)


def ridgeless_errors(
    train: tuple[np.ndarray, np.ndarray],
    tests: Mapping[str, tuple[np.ndarray, np.ndarray]],
    samples: int,
    features: int | None,
    rng: np.random.Generator,
) -> dict[str, np.ndarray]:
    """Fit one-hot labels of some images by regression without a ridge penalty.

    Args:
        train (tuple): Pixels from 0 to 1 and labels. (N, pixels), (N,)
        tests (Mapping[str, tuple]): Pixels and labels of each test set.
        samples (int): Number n of training images to draw from the N.
        features (int, optional): Number of random ReLU features; None uses the
            pixels themselves.
        rng (np.random.Generator): Generator of the images and the features.

    Returns:
        dict[str, np.ndarray]: The error on each test set without and with
        normalisation, from 0 to 1. (2,)

    Raises:
        ValueError: If ``samples`` exceeds the number of images, or the shapes
            do not match.
    """
    for pixels, labels in (train, *tests.values()):
        if np.ndim(pixels) != 2 or np.shape(labels) != (len(pixels),):
            raise ValueError(
                'pixels must be (N, pixels) and labels (N,), but got '
                f'{np.shape(pixels)} and {np.shape(labels)}'
            )
    known = is_count(samples, 2) and samples <= len(train[0])
    require(known, f'samples must be an integer from 2 to {len(train[0])}', samples)
    chosen = rng.permutation(len(train[0]))[:samples]
    sets = [train[0][chosen], *(pixels for pixels, _ in tests.values())]
    if features is not None:
        # One call, so that all sets have the same weights.
        made = relu_features(np.concatenate(sets), features, rng)
        sets = np.split(made, np.cumsum([len(each) for each in sets])[:-1])
    own, *others = sets
    center = own.mean(0)
    onehot = np.eye(train[1].max() + 1)[train[1][chosen]]
    target = onehot - onehot.mean(0)
    found = [min_norm(own - center, target, s) for s in (None, deviations(own))]
    return {
        name: np.array([
            np.mean(((x - center) @ w + onehot.mean(0)).argmax(1) != labels) for w in found
        ])
        for (name, (_, labels)), x in zip(tests.items(), others, strict=True)
    }


def median_interval(
    values: np.ndarray, resamples: int = 1000, seed: int = 0
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Compute the median over draws and its 95 % bootstrap interval.

    Where n is close to the number of relevant features, risks have heavy tails
    and the mean is useless.

    Args:
        values (np.ndarray): Values with the draws along the first axis. (draws, ...)
        resamples (int): Number of bootstrap resamples. Defaults to 1000.
        seed (int): Seed of the bootstrap. Defaults to 0.

    Returns:
        tuple[np.ndarray, np.ndarray, np.ndarray]: The median and both ends of
        the interval. (...)

    Raises:
        ValueError: If there are fewer than two draws, or a value is not finite.
    """
    values = np.asarray(values, np.float64)
    require(values.ndim > 0 and len(values) > 1, 'values must have at least 2 draws', values.shape)
    require(bool(np.isfinite(values).all()), 'values must be finite', values)
    from scipy.stats import bootstrap

    found = bootstrap(
        (values,), np.median, n_resamples=resamples, method='percentile',
        rng=np.random.default_rng(seed),
    ).confidence_interval  # fmt: skip
    return np.median(values, axis=0), found.low, found.high
