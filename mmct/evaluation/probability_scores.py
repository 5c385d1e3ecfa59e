"""Score predicted probabilities: likelihood, calibration, and how well confidence finds errors."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from mmct.messages import is_count, require

from .calibration_error import checked_confidence, expected_calibration_error
from .predictions import unpack_predictions
from .result_file import labels_of
from .summary import main_corruptions


def brier_score(probabilities: np.ndarray, labels: np.ndarray) -> float:
    """Compute the Brier score, the squared error of probabilities.

    As in Brier, "Verification of Forecasts Expressed in Terms of Probability", 1950, squares are
    summed over all classes and averaged over images.

    Args:
        probabilities (np.ndarray): Probabilities of the classes; rows sum to 1. (N, C)
        labels (np.ndarray): Labels of the images. int (N,)

    Returns:
        float: A score from 0 (certain and right) to 2 (certain and wrong).

    Raises:
        ValueError: If the probabilities are invalid, or do not match the labels.
    """
    probabilities, labels = checked_probabilities(probabilities, labels)
    squares = (probabilities**2).sum(1) + 1 - 2 * probabilities[np.arange(len(labels)), labels]
    return float(squares.mean())


def area_under_risk_coverage(confidence: np.ndarray, hits: np.ndarray) -> float:
    """Compute the error on the most confident images, averaged over all fractions of images.

    This is the area under the risk-coverage curve of Geifman and El-Yaniv, "Selective
    Classification for Deep Neural Networks", 2017. It is low if a network that refuses its least
    confident images makes few errors on the others. For images of equal confidence, it is the
    mean over their orders.

    Args:
        confidence (np.ndarray): Probability of the top class, from 0 to 1. (N,)
        hits (np.ndarray): True where the top class is right. (N,)

    Returns:
        float: The area in %. It equals the error on all images if confidence is unrelated to
        errors, and is lower if confidence separates right from wrong.

    Raises:
        ValueError: See :func:`expected_calibration_error`.
    """
    confidence, hits = checked_confidence(confidence, hits)
    _, group, sizes = np.unique(-confidence, return_inverse=True, return_counts=True)
    misses = np.bincount(group, 1 - hits) / sizes
    risks = np.cumsum(np.repeat(misses, sizes)) / np.arange(1, len(hits) + 1)
    return float(100 * risks.mean())


def adaptive_calibration_error(confidence: np.ndarray, hits: np.ndarray, bins: int = 15) -> float:
    """Compute the mean gap between confidence and accuracy over bins of equal mass.

    This is the score of Nixon et al., "Measuring Calibration in Deep Learning", 2019, for the top
    class alone. Bins of equal width, in contrast, have few images at rare confidences.

    Args:
        confidence (np.ndarray): Probability of the top class, from 0 to 1. (N,)
        hits (np.ndarray): True where the top class is right. (N,)
        bins (int): Number of bins. Defaults to 15.

    Returns:
        float: The calibration error in %.

    Raises:
        ValueError: See :func:`expected_calibration_error`.
    """
    confidence, hits = checked_confidence(confidence, hits)
    require(is_count(bins), 'bins must be an integer above 0', bins)
    order = np.argsort(confidence, kind='stable')
    parts = np.array_split((confidence - hits)[order], min(bins, len(hits)))
    return float(100 * sum(abs(part.sum()) for part in parts) / len(hits))


def classwise_calibration_error(
    probabilities: np.ndarray, labels: np.ndarray, bins: int = 15
) -> float:
    """Compute the mean over classes of the calibration error of a class's probability.

    This is equation 5 of Kull et al., "Beyond temperature scaling", 2019.

    Args:
        probabilities (np.ndarray): Probabilities of the classes; rows sum to 1. (N, C)
        labels (np.ndarray): Labels of the images. int (N,)
        bins (int): Number of bins of equal width. Defaults to 15.

    Returns:
        float: The calibration error in %.

    Raises:
        ValueError: If the probabilities are invalid, or do not match the labels.
    """
    probabilities, labels = checked_probabilities(probabilities, labels)
    classes = range(probabilities.shape[1])
    errors = [
        expected_calibration_error(probabilities[:, number], labels == number, bins)
        for number in classes
    ]
    return float(np.mean(errors))


def tempered(probabilities: np.ndarray, temperature: float) -> np.ndarray:
    """Compute the probabilities after dividing logits by a temperature.

    Args:
        probabilities (np.ndarray): Probabilities of the classes; rows sum to 1. (N, C)
        temperature (float): The temperature, above 0; above 1 the network gets less confident.

    Returns:
        np.ndarray: The new probabilities; rows sum to 1. (N, C)

    Raises:
        ValueError: If the temperature is not positive and finite, or a row does not sum to 1.
    """
    probabilities = _checked_rows(probabilities)
    if not 0 < temperature < np.inf:
        raise ValueError(f'the temperature must be above 0, but got {temperature}')
    with np.errstate(divide='ignore'):
        logits = np.log(probabilities) / temperature
    powers = np.exp(logits - logits.max(1, keepdims=True))
    return powers / powers.sum(1, keepdims=True)


def fit_temperature(probabilities: np.ndarray, labels: np.ndarray) -> float:
    """Find the temperature of maximum likelihood.

    This is temperature scaling from Guo et al., "On Calibration of Modern Neural Networks", 2017,
    section 4.2. Since the fit uses labels, fit on images that you do not score, such as
    validation images.

    Args:
        probabilities (np.ndarray): Probabilities of the classes; rows sum to 1. (N, C)
        labels (np.ndarray): Labels of the images. int (N,)

    Returns:
        float: A temperature between 0.05 and 20.

    Raises:
        ValueError: If the probabilities are invalid, or do not match the labels.
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
    """Compute all scores that need the predictions of a result.

    Args:
        result (Mapping): The content of a result file.
        temperature (float, optional): Temperature by which to divide the logits first. Defaults
            to None: leave them unchanged.

    Returns:
        dict | None: The scores ``top5_error_pct``, ``aurc_pct``, ``adaptive_ece_pct``,
        ``classwise_ece_pct`` and ``ece_pct`` in %, ``nll`` in nats, and ``brier`` from 0 to 2.
        Each is a dict of ``clean`` (None without clean images) and ``corrupted``, the mean over
        the corruptions of :func:`main_corruptions` and all severities. None if the result has no
        predictions. A result has the five likeliest classes and the label of each image, and the
        rest is taken to be spread evenly: exact for up to six classes; with more, Brier score and
        classwise ECE are approximate, and with a temperature all but the top-5 error.
    """
    return _means(result, lambda cell, labels: _scores(cell, labels, temperature))


def confidence_scores(result: Mapping[str, Any]) -> dict[str, dict[str, float | None]] | None:
    """Compute the scores that need only the probabilities of the top class and the label.

    This is as fast for 1,000 classes as for ten, while :func:`probability_scores` takes minutes.

    Args:
        result (Mapping): The content of a result file.

    Returns:
        dict | None: ``nll`` in nats and ``aurc_pct`` in %, each with ``clean`` and ``corrupted``
        as in :func:`probability_scores`. None if the result has no predictions.
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
    if temperature is None:
        log_likelihood = predictions.label_log_probability.astype(np.float64)
    else:
        log_likelihood = np.log(np.maximum(full[rows, labels], np.finfo(float).tiny))
    return dict(
        top5_error_pct=float(100 * (1 - predictions.hits(labels, top).mean())),
        nll=float(-log_likelihood.mean()),
        brier=brier_score(full, labels),
        aurc_pct=area_under_risk_coverage(confidence, hits),
        ece_pct=expected_calibration_error(confidence, hits),
        adaptive_ece_pct=adaptive_calibration_error(confidence, hits),
        classwise_ece_pct=classwise_calibration_error(full, labels),
    )


def checked_probabilities(
    probabilities: np.ndarray, labels: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Check probabilities and labels.

    Args:
        probabilities (np.ndarray): Probabilities of the classes. (N, C)
        labels (np.ndarray): Labels of the images. (N,)

    Returns:
        tuple[np.ndarray, np.ndarray]: Both, as float64 and int64.

    Raises:
        ValueError: If a row does not sum to 1, or a label is not one of the classes.
    """
    probabilities, labels = _checked_rows(probabilities), np.asarray(labels)
    if labels.shape != probabilities.shape[:1]:
        raise ValueError(
            f'probabilities must be (N, C) and labels (N,), but got {probabilities.shape} and '
            f'{labels.shape}'
        )
    classes = probabilities.shape[1]
    if labels.dtype.kind not in 'iu' or labels.min() < 0 or labels.max() >= classes:
        raise ValueError(f'labels must be integers from 0 to {classes - 1}')
    return probabilities, labels.astype(np.int64)


def _checked_rows(probabilities: np.ndarray) -> np.ndarray:
    probabilities = np.asarray(probabilities, np.float64)
    if probabilities.ndim != 2 or not len(probabilities):
        raise ValueError(f'probabilities must be (N, C), but got {probabilities.shape}')
    if not (probabilities >= 0).all() or not np.allclose(probabilities.sum(1), 1, atol=1e-4):
        raise ValueError('the probabilities of an image must be 0 or more and sum to 1')
    return probabilities
