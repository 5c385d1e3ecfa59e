"""Scores of predicted probabilities: likelihood, calibration, and what confidence is good for."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from .calibration_error import checked_confidence, expected_calibration_error
from .predictions import unpack_predictions
from .result_file import labels_of
from .summary import main_corruptions


def brier_score(probabilities: np.ndarray, labels: np.ndarray) -> float:
    """Compute the mean squared error of probabilities.

    Brier, "Verification of Forecasts Expressed in Terms of Probability", 1950: the sum of the
    squares over all classes, so that it is between 0 and 2.

    Args:
        probabilities (np.ndarray): Of each class; rows have the sum 1. (N, C)
        labels (np.ndarray): The classes of the images. int (N,)

    Returns:
        float: From 0 (sure and right) to 2 (sure and wrong).

    Raises:
        ValueError: If these are no probabilities, or labels of other images.
    """
    probabilities, labels = checked_probabilities(probabilities, labels)
    squares = (probabilities**2).sum(1) + 1 - 2 * probabilities[np.arange(len(labels)), labels]
    return float(squares.mean())


def area_under_risk_coverage(confidence: np.ndarray, hits: np.ndarray) -> float:
    """Compute the mean error of the surest images, over all shares of them.

    Geifman and El-Yaniv, "Selective Classification for Deep Neural Networks", 2017: a network
    that may refuse the images of which it is least sure has a low one. Images of the same
    confidence are taken as in the mean over their orders.

    Args:
        confidence (np.ndarray): Probability of the top class, from 0 to 1. (N,)
        hits (np.ndarray): True where the top class is right. (N,)

    Returns:
        float: In %. The error of all images if confidence tells nothing; less if it tells
        right from wrong.

    Raises:
        ValueError: As :func:`expected_calibration_error`.
    """
    confidence, hits = checked_confidence(confidence, hits)
    _, group, sizes = np.unique(-confidence, return_inverse=True, return_counts=True)
    misses = np.bincount(group, 1 - hits) / sizes
    risks = np.cumsum(np.repeat(misses, sizes)) / np.arange(1, len(hits) + 1)
    return float(100 * risks.mean())


def adaptive_calibration_error(confidence: np.ndarray, hits: np.ndarray, bins: int = 15) -> float:
    """Compute the mean gap of confidence and accuracy over bins of equal mass.

    Nixon et al., "Measuring Calibration in Deep Learning", 2019, of the top class alone:
    bins of equal width have few images where a network is seldom so sure.

    Args:
        confidence (np.ndarray): Probability of the top class, from 0 to 1. (N,)
        hits (np.ndarray): True where the top class is right. (N,)
        bins (int): Number of bins. Defaults to 15.

    Returns:
        float: In %.

    Raises:
        ValueError: As :func:`expected_calibration_error`.
    """
    confidence, hits = checked_confidence(confidence, hits)
    order = np.argsort(confidence, kind='stable')
    parts = np.array_split((confidence - hits)[order], min(bins, len(hits)))
    return float(100 * sum(abs(part.sum()) for part in parts) / len(hits))


def classwise_calibration_error(
    probabilities: np.ndarray, labels: np.ndarray, bins: int = 15
) -> float:
    """Compute the calibration error of each class's probability, and their mean.

    Kull et al., "Beyond temperature scaling", 2019, equation 5.

    Args:
        probabilities (np.ndarray): Of each class; rows have the sum 1. (N, C)
        labels (np.ndarray): The classes of the images. int (N,)
        bins (int): Number of bins of equal width. Defaults to 15.

    Returns:
        float: In %.

    Raises:
        ValueError: If these are no probabilities, or labels of other images.
    """
    probabilities, labels = checked_probabilities(probabilities, labels)
    classes = range(probabilities.shape[1])
    errors = [
        expected_calibration_error(probabilities[:, number], labels == number, bins)
        for number in classes
    ]
    return float(np.mean(errors))


def tempered(probabilities: np.ndarray, temperature: float) -> np.ndarray:
    """Divide logits by a temperature.

    Args:
        probabilities (np.ndarray): Rows have the sum 1. (N, C)
        temperature (float): Above 0; above 1 makes the network less sure.

    Returns:
        np.ndarray: Rows have the sum 1. (N, C)

    Raises:
        ValueError: If the temperature is not above 0.
    """
    if not 0 < temperature < np.inf:
        raise ValueError(f'the temperature must be above 0, got {temperature}')
    with np.errstate(divide='ignore'):
        logits = np.log(probabilities) / temperature
    powers = np.exp(logits - logits.max(1, keepdims=True))
    return powers / powers.sum(1, keepdims=True)


def fit_temperature(probabilities: np.ndarray, labels: np.ndarray) -> float:
    """Find the temperature of the greatest likelihood.

    Guo et al., "On Calibration of Modern Neural Networks", 2017, section 4.2. Fit it on images
    that you do not score on, such as those of validation: it has seen their labels.

    Args:
        probabilities (np.ndarray): Of each class; rows have the sum 1. (N, C)
        labels (np.ndarray): The classes of the images. int (N,)

    Returns:
        float: Between 0.05 and 20.

    Raises:
        ValueError: If these are no probabilities, or labels of other images.
    """
    from scipy.optimize import minimize_scalar

    probabilities, labels = checked_probabilities(probabilities, labels)
    rows = np.arange(len(labels))

    def loss(logarithm: float) -> float:
        label = tempered(probabilities, np.exp(logarithm))[rows, labels]
        return -np.log(np.maximum(label, np.finfo(float).tiny)).mean()

    found = minimize_scalar(loss, bounds=(np.log(0.05), np.log(20)), method='bounded')
    return float(np.exp(found.x))


def probability_scores(
    result: Mapping[str, Any], temperature: float | None = None
) -> dict[str, dict[str, float | None]] | None:
    """Compute what follows from the predictions that a result keeps.

    Args:
        result (Mapping): Of a result file.
        temperature (float, optional): Divide the logits by it before. Defaults to None, no.

    Returns:
        dict | None: By name ``clean`` (None without clean images) and ``corrupted``, the mean
        over the cells of the corruptions that means are over: ``top5_error_pct``, ``aurc_pct``,
        ``adaptive_ece_pct``, ``classwise_ece_pct`` and ``ece_pct`` in %,
        ``nll`` in nats, and ``brier``, from 0 to 2. None if the result keeps no predictions.
    """
    return _means(result, lambda cell, labels: _scores(cell, labels, temperature))


def confidence_scores(result: Mapping[str, Any]) -> dict[str, dict[str, float | None]] | None:
    """Compute those scores that need the probabilities of the top class and the label alone.

    As fast with 1,000 classes as with ten, where :func:`probability_scores` takes minutes.

    Args:
        result (Mapping): Of a result file.

    Returns:
        dict | None: By name ``clean`` and ``corrupted``, as there: ``nll`` in nats and
        ``aurc_pct`` in %. None if the result keeps no predictions.
    """
    return _means(result, _confidence_scores)


def _means(
    result: Mapping[str, Any], score: Callable[[Mapping[str, Any], np.ndarray], dict[str, float]]
) -> dict[str, dict[str, float | None]] | None:
    labels = labels_of(result)
    cells = [*([result['clean']] if result['clean'] else []), *result['cells']]
    if labels is None or any(cell.get('predictions') is None for cell in cells):
        return None
    names = main_corruptions(result['data'], [cell['corruption'] for cell in result['cells']])
    scores = [score(cell, labels) for cell in result['cells'] if cell['corruption'] in names]
    clean = score(result['clean'], labels) if result['clean'] else {}
    return {
        name: dict(clean=clean.get(name), corrupted=float(np.mean([each[name] for each in scores])))
        for name in scores[0]
    }


def _confidence_scores(cell: Mapping[str, Any], labels: np.ndarray) -> dict[str, float]:
    predictions = unpack_predictions(cell)
    confidence = np.exp(predictions.log_probabilities[:, 0], dtype=np.float64)
    return dict(
        nll=float(-predictions.label_log_probability.astype(np.float64).mean()),
        aurc_pct=area_under_risk_coverage(confidence, predictions.hits(labels)),
    )


def _scores(
    cell: Mapping[str, Any], labels: np.ndarray, temperature: float | None
) -> dict[str, float]:
    predictions = unpack_predictions(cell)
    full = predictions.probabilities(labels)
    if temperature is not None:
        full = tempered(full, temperature)
    rows, hits = np.arange(len(labels)), predictions.hits(labels)
    confidence = full[rows, predictions.classes[:, 0]]
    top = predictions.classes.shape[1]
    label = np.maximum(full[rows, labels], np.finfo(float).tiny)
    return dict(
        top5_error_pct=float(100 * (1 - predictions.hits(labels, top).mean())),
        nll=float(-np.log(label).mean()),
        brier=brier_score(full, labels),
        aurc_pct=area_under_risk_coverage(confidence, hits),
        ece_pct=expected_calibration_error(confidence, hits),
        adaptive_ece_pct=adaptive_calibration_error(confidence, hits),
        classwise_ece_pct=classwise_calibration_error(full, labels),
    )


def checked_probabilities(
    probabilities: np.ndarray, labels: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Check the probabilities of images and their labels.

    Args:
        probabilities (np.ndarray): (N, C)
        labels (np.ndarray): (N,)

    Returns:
        tuple[np.ndarray, np.ndarray]: The same, as float64 and int64.

    Raises:
        ValueError: Unless each row has the sum 1 and each label is one of the classes.
    """
    probabilities, labels = np.asarray(probabilities, np.float64), np.asarray(labels)
    if probabilities.ndim != 2 or labels.shape != probabilities.shape[:1] or not len(labels):
        raise ValueError(
            f'probabilities must be (N, C) and labels (N,), got {probabilities.shape} and '
            f'{labels.shape}'
        )
    if not (probabilities >= 0).all() or not np.allclose(probabilities.sum(1), 1, atol=1e-4):
        raise ValueError('the probabilities of an image must be 0 or more and have the sum 1')
    classes = probabilities.shape[1]
    if labels.dtype.kind not in 'iu' or labels.min() < 0 or labels.max() >= classes:
        raise ValueError(f'labels must be integers from 0 to {classes - 1}')
    return probabilities, labels.astype(np.int64)
