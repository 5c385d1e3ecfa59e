"""Draws of the regression in which normalisation helps in-domain and hurts under a shift."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .min_norm import deviations, excess_risk, min_norm, shares


@dataclass(frozen=True)
class Setting:
    """Half of the features vary by 1, the other half by less.

    In-domain the label is ``theta' x`` with independent features. At test the
    low-variance features are noise of unit variance that the label does not
    depend on: those were specific to the training domain.

    Attributes:
        samples (int): n, of the training set. Defaults to 20.
        features (int): d, even. Defaults to 60.
        ratio (float): Deviation of the low-variance half. Defaults to 0.1.
        low_signal (float): Which part of the label's in-domain variance they
            carry, from 0 to 1. Defaults to 0.75.
    """

    samples: int = 20
    features: int = 60
    ratio: float = 0.1
    low_signal: float = 0.75

    def __post_init__(self) -> None:
        if self.features % 2 or self.features < 2 or self.samples < 2:
            raise ValueError('features must be even, 2 or more; samples 2 or more')
        if not (self.ratio > 0 and 0 <= self.low_signal <= 1):
            raise ValueError('ratio must be above 0, low_signal from 0 to 1')

    @property
    def low(self) -> np.ndarray:
        """Which features are the low-variance ones. bool (d,)."""
        return np.arange(self.features) >= self.features // 2

    @property
    def sigma(self) -> np.ndarray:
        """The deviation of each feature in-domain. (d,)."""
        return np.where(self.low, self.ratio, 1.0)

    def draw_truth(self, rng: np.random.Generator) -> np.ndarray:
        """Weights of a label that has variance 1 in-domain, of random directions.

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


@dataclass(frozen=True)
class Outcome:
    """What both solutions do in one draw; each is (without, with) normalisation.

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
        setting (Setting): Of what.
        rng (np.random.Generator): Of the draw.

    Returns:
        Outcome: Of this draw.
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
    """Draw each setting several times.

    Args:
        settings (Sequence[Setting]): The points of a curve.
        draws (int): Of each.
        seed (int): Of all. Defaults to 0.

    Returns:
        np.ndarray: In-domain risk, shifted risk and low share, without and with
        normalisation. (settings, draws, 3, 2)
    """
    rng = np.random.default_rng(seed)
    return np.array([
        [
            (found.in_domain, found.shifted, found.low_share)
            for found in (draw(setting, rng) for _ in range(draws))
        ]
        for setting in settings
    ])


def median_interval(
    values: np.ndarray, resamples: int = 1000, seed: int = 0
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The median over draws, with its 95 % bootstrap interval.

    Risks have heavy tails where n is near the number of features that count,
    and then no useful mean.

    Args:
        values (np.ndarray): Draws along the first axis. (draws, ...)
        resamples (int): Defaults to 1000.
        seed (int): Defaults to 0.

    Returns:
        tuple[np.ndarray, np.ndarray, np.ndarray]: Median and ends. (...)
    """
    rng = np.random.default_rng(seed)
    rows = rng.integers(0, len(values), (resamples, len(values)))
    medians = np.median(values[rows], axis=1)
    low, high = np.quantile(medians, (0.025, 0.975), axis=0)
    return np.median(values, axis=0), low, high
