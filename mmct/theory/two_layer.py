"""The same in a two-layer network, normalised per channel, per layer or not at all."""

from collections.abc import Sequence

import numpy as np

from .min_norm import deviations, min_norm
from .simulation import Setting

CALIBRATIONS = ('none', 'layer', 'channel')


def hidden_scale(hidden: np.ndarray, calibration: str) -> np.ndarray | None:
    """What the hidden channels are divided by.

    Args:
        hidden (np.ndarray): Of the training data. (n, channels)
        calibration (str): 'none'; 'layer': one number, the root of the mean
            variance; 'channel': the deviation of each, as BatchNorm does.

    Returns:
        np.ndarray | None: (channels,)

    Raises:
        ValueError: If there is no such calibration.
    """
    if calibration not in CALIBRATIONS:
        raise ValueError(f'calibration must be one of {CALIBRATIONS}, got {calibration!r}')
    if calibration == 'none':
        return None
    own = deviations(hidden)
    return own if calibration == 'channel' else np.full(len(own), np.sqrt((own**2).mean()))


def two_layer(
    setting: Setting, rng: np.random.Generator, channels: int = 200, tests: int = 500
) -> np.ndarray:
    """Fit the second layer of a network whose first one stays at random.

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
    """Draw each setting several times.

    Args:
        settings (Sequence[Setting]): The points of a curve.
        draws (int): Of each.
        seed (int): Of all. Defaults to 0.

    Returns:
        np.ndarray: (settings, draws, calibrations, 2)
    """
    rng = np.random.default_rng(seed)
    return np.array([[two_layer(s, rng) for _ in range(draws)] for s in settings])
