"""Experiments in which normalisation helps in-domain and hurts under a shift.

In turn: drawn regression problems, a two-layer network on the same data, and real images.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from mmct.messages import is_count, is_positive, require

from .min_norm import deviations, excess_risk, min_norm, shares

CALIBRATIONS = ('none', 'layer', 'channel')
"""How the hidden channels of the two-layer network are normalised."""


@dataclass(frozen=True)
class Setting:
    """A regression in which half of the features vary by 1, the other half by less.

    In-domain the label is ``theta' x`` with independent features. At test the
    low-variance features are noise of unit variance that the label does not
    depend on: those were specific to the training domain.

    Attributes:
        samples (int): n, of the training set. Defaults to 20.
        features (int): d, even. Defaults to 60.
        ratio (float): Deviation of the low-variance half. Defaults to 0.1.
        low_signal (float): Part of the label's in-domain variance that these
            carry, from 0 to 1. Defaults to 0.75.
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
        """True for the low-variance features. bool (d,)."""
        return np.arange(self.features) >= self.features // 2

    @property
    def sigma(self) -> np.ndarray:
        """The deviation of each feature in-domain. (d,)."""
        return np.where(self.low, self.ratio, 1.0)

    def draw_truth(self, rng: np.random.Generator) -> np.ndarray:
        """Draw weights of a label that has variance 1 in-domain.

        Args:
            rng (np.random.Generator): Of the draw.

        Returns:
            np.ndarray: theta. (d,)
        """
        truth = rng.normal(size=self.features)
        for half in (self.low, ~self.low):
            truth[half] /= np.linalg.norm(truth[half])
        parts = np.where(self.low, self.low_signal, 1 - self.low_signal)
        return truth * np.sqrt(parts) / self.sigma


class Outcome(NamedTuple):
    """Risks of both solutions in one draw; each is (without, with) normalisation.

    Attributes:
        in_domain (np.ndarray): Excess risk over the label's variance. (2,)
        shifted (np.ndarray): Excess risk at test over the variance of the label
            that is left there; of the in-domain one where none is left. (2,)
        low_share (np.ndarray): Share of the fit by low-variance features. (2,)
    """

    in_domain: np.ndarray
    shifted: np.ndarray
    low_share: np.ndarray


def draw(setting: Setting, rng: np.random.Generator) -> Outcome:
    """Draw a training set and solve it both ways.

    Args:
        setting (Setting): The problem.
        rng (np.random.Generator): Of the draw.

    Returns:
        Outcome: Of both solutions.
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
        draws (int): Of each.
        seed (int): Of all. Defaults to 0.

    Returns:
        np.ndarray: In-domain risk, shifted risk and low share, without and with
        normalisation. (settings, draws, 3, 2)
    """
    require(is_count(draws), 'draws must be an integer above 0', draws)
    rng = np.random.default_rng(seed)
    return np.array([[draw(setting, rng) for _ in range(draws)] for setting in settings])


def hidden_scale(hidden: np.ndarray, calibration: str) -> np.ndarray | None:
    """Compute what the hidden channels are divided by.

    Args:
        hidden (np.ndarray): Outputs on the training data. (n, channels)
        calibration (str): 'none'; 'layer': one number, the root of the mean
            variance; 'channel': the deviation of each, as BatchNorm does.

    Returns:
        np.ndarray | None: None for 'none'. (channels,)

    Raises:
        ValueError: If there is no such calibration.
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
    """Fit the second layer of a network whose first layer stays at random.

    Half of the ReLU channels look at the high-variance features and half at the
    others, so that channels differ in variance as features do.

    Args:
        setting (Setting): Of the data; the label is linear in the features.
        rng (np.random.Generator): Of the draw.
        channels (int): Hidden, even. Defaults to 200.
        tests (int): Test samples. Defaults to 500.

    Returns:
        np.ndarray: Squared error over the variance of the label, in-domain and
        shifted, for each of :data:`CALIBRATIONS`. (3, 2)
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
        draws (int): Of each.
        seed (int): Of all. Defaults to 0.

    Returns:
        np.ndarray: Errors, see :func:`two_layer`. (settings, draws, calibrations, 2)
    """
    require(is_count(draws), 'draws must be an integer above 0', draws)
    rng = np.random.default_rng(seed)
    return np.array([[two_layer(s, rng) for _ in range(draws)] for s in settings])


def relu_features(pixels: np.ndarray, count: int, rng: np.random.Generator) -> np.ndarray:
    """Compute random ReLU features: a first layer that is not trained.

    Args:
        pixels (np.ndarray): From 0 to 1. (n, pixels)
        count (int): Number of features.
        rng (np.random.Generator): Of the weights.

    Returns:
        np.ndarray: (n, count)

    Raises:
        ValueError: If the pixels are not of this shape, or the count is none.
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
    """Fit one-hot labels without a ridge, on some of the images.

    Args:
        train (tuple): Pixels from 0 to 1 and labels. (N, pixels), (N,)
        tests (Mapping[str, tuple]): The same of each test set.
        samples (int): n, of the N images.
        features (int, optional): Number of random ReLU features; None: the
            pixels themselves.
        rng (np.random.Generator): Of the choice, and of the features.

    Returns:
        dict[str, np.ndarray]: Of each test set the error without and with
        normalisation, from 0 to 1. (2,)

    Raises:
        ValueError: If there are not so many images, or not a label for each.
    """
    for pixels, labels in (train, *tests.values()):
        if np.ndim(pixels) != 2 or np.shape(labels) != (len(pixels),):
            raise ValueError(
                'needs pixels (N, pixels) and labels (N,), got '
                f'{np.shape(pixels)} and {np.shape(labels)}'
            )
    known = is_count(samples, 2) and samples <= len(train[0])
    require(known, f'samples must be an integer from 2 to {len(train[0])}', samples)
    chosen = rng.permutation(len(train[0]))[:samples]
    sets = [train[0][chosen], *(pixels for pixels, _ in tests.values())]
    if features is not None:
        # In one call: the same weights for all.
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
    """Compute the median over draws, with its 95 % bootstrap interval.

    Risks have heavy tails where n is near the number of features that count,
    and then no useful mean.

    Args:
        values (np.ndarray): Draws along the first axis. (draws, ...)
        resamples (int): Of the bootstrap. Defaults to 1000.
        seed (int): Of the bootstrap. Defaults to 0.

    Returns:
        tuple[np.ndarray, np.ndarray, np.ndarray]: Median and ends. (...)

    Raises:
        ValueError: If there are fewer than two draws, or a value is not finite.
    """
    values = np.asarray(values, np.float64)
    require(values.ndim > 0 and len(values) > 1, 'needs two draws at least', values.shape)
    require(bool(np.isfinite(values).all()), 'values must be finite', values)
    from scipy.stats import bootstrap

    found = bootstrap(
        (values,), np.median, n_resamples=resamples, method='percentile',
        rng=np.random.default_rng(seed),
    ).confidence_interval  # fmt: skip
    return np.median(values, axis=0), found.low, found.high
