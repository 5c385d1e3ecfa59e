"""Ridgeless classification of real images, with and without normalised features."""

from collections.abc import Mapping

import numpy as np

from .min_norm import deviations, min_norm


def relu_features(pixels: np.ndarray, count: int, rng: np.random.Generator) -> np.ndarray:
    """Random ReLU features: a first layer that is not trained.

    Args:
        pixels (np.ndarray): From 0 to 1. (n, pixels)
        count (int): Number of features.
        rng (np.random.Generator): Of the weights.

    Returns:
        np.ndarray: (n, count)
    """
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
    """
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
