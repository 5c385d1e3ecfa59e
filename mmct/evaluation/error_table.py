"""Compute means over a table of errors by corruption and severity.

The definitions are those of Hendrycks and Dietterich, "Benchmarking Neural Network
Robustness to Common Corruptions and Perturbations", 2019, section 4.1. All errors
are in percent.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from numbers import Real
from typing import Any

from mmct.messages import require

Errors = Mapping[str, Sequence[float]]
"""The error at each severity, in %, by corruption."""

LEAST_DEGRADATION = 5.0
"""Points by which the reference of relative mCE must be worse on a corruption than on clean images.

A ratio with a denominator of a point or two says more about chance in the reference than about the
network: with such a baseline, one study had 250.7 ± 68.6 where the ratio of the mean increases is
150.
"""


def corruption_means(errors: Errors) -> dict[str, float]:
    """Average the error of each corruption over its severities.

    Args:
        errors (Errors): Errors in %, with the same number of severities for each corruption.

    Returns:
        dict[str, float]: The mean error of each corruption in %.

    Raises:
        ValueError: If there are no errors, corruptions have different numbers of
            severities, or an error is not a percentage.
    """
    if not errors:
        raise ValueError('there are no errors to average')
    for name, values in errors.items():
        for value in values:
            _check_percentage(value, f'the error of {name}')
    counts = {name: len(values) for name, values in errors.items()}
    first, count = next(iter(counts.items()))
    for name, other in counts.items():
        if other != count or not other:
            raise ValueError(
                f'{name} has {other} severities but {first} has {count}: a mean needs the same '
                'number for all corruptions'
            )
    return {name: sum(values) / count for name, values in errors.items()}


def raw_mce(errors: Errors) -> float:
    """Compute raw mCE: the mean error over corruptions and severities, without normalisation.

    The AugMix paper reports it for CIFAR-10-C and CIFAR-100-C.

    Args:
        errors (Errors): Errors in %.

    Returns:
        float: The raw mCE in %.
    """
    means = corruption_means(errors)
    return sum(means.values()) / len(means)


def normalised_mce(errors: Errors, reference: Mapping[str, float]) -> float:
    """Compute normalised mCE: the mean over corruptions of the error relative to a reference.

    For each corruption it is ``CE_c = sum_s E_(s,c) / sum_s E^ref_(s,c)``, times 100.

    Args:
        errors (Errors): Errors in %.
        reference (Mapping[str, float]): The reference's mean error on each corruption, in %.

    Returns:
        float: The mCE in %; 100 is as good as the reference.

    Raises:
        ValueError: If the reference lacks a corruption or makes no errors on it, or an
            error is not a percentage.
    """
    means = corruption_means(errors)
    for name in means:
        _check_known(reference, name)
        if not reference[name]:
            raise ValueError(
                f'the reference makes no errors on {name}, so errors cannot be divided by it'
            )
    return 100 * sum(mean / reference[name] for name, mean in means.items()) / len(means)


def relative_mce(
    errors: Errors, clean: float, reference: Mapping[str, float], reference_clean: float
) -> float:
    """Compute relative mCE: normalised mCE of the increase over the clean error.

    It is the mean over corruptions, as published, of the ratio
    ``sum_s (E_(s,c) - E_clean) / sum_s (E^ref_(s,c) - E^ref_clean)``, times 100. This
    is meaningful only if no denominator is close to 0. Otherwise compare the gaps: raw
    mCE minus clean error.

    Args:
        errors (Errors): Errors in %.
        clean (float): Error on clean images, in %.
        reference (Mapping[str, float]): The reference's mean error on each corruption, in %.
        reference_clean (float): The reference's error on clean images, in %.

    Returns:
        float: The relative mCE in %; 100 is as good as the reference.

    Raises:
        ValueError: If the reference lacks a corruption, its error there exceeds that on
            clean images by less than :data:`LEAST_DEGRADATION`, or an error is not a
            percentage.
    """
    for value in (clean, reference_clean):
        _check_percentage(value, 'the clean error')
    gaps = {name: value - reference_clean for name, value in reference.items()}
    means = corruption_means(errors)
    for name in means:
        _check_known(reference, name)
        if gaps[name] < LEAST_DEGRADATION:
            raise ValueError(
                f'the reference is only {gaps[name]:.2f} points worse on {name} than on clean '
                f'images, but relative mCE needs {LEAST_DEGRADATION:g}: compare raw mCE minus '
                'clean error'
            )
    return 100 * sum((mean - clean) / gaps[name] for name, mean in means.items()) / len(means)


def category_means(errors: Errors, categories: Mapping[str, Sequence[str]]) -> dict[str, float]:
    """Average the error over each category of corruptions.

    Args:
        errors (Errors): Errors in %.
        categories (Mapping): The names of corruptions in each category.

    Returns:
        dict[str, float]: The mean error in %, for each category with a corruption in the table.
    """
    means = corruption_means(errors)
    found = {
        kind: [means[name] for name in names if name in means] for kind, names in categories.items()
    }
    return {kind: sum(values) / len(values) for kind, values in found.items() if values}


def _check_known(reference: Mapping[str, float], name: str) -> None:
    if name not in reference:
        raise ValueError(f'the reference has no {name}, so errors cannot be normalised by it')
    _check_percentage(reference[name], f"the reference's error of {name}")


def _check_percentage(value: float, what: str) -> None:
    known = isinstance(value, Real) and not isinstance(value, bool) and 0 <= value <= 100
    require(known, f'{what} must be a percentage from 0 to 100', value)


@dataclass(frozen=True)
class Reference:
    """The errors of a network by which others are normalised.

    Attributes:
        name (str): Name for tables.
        means (Mapping[str, float]): Mean error on each corruption, in %.
        clean (float, optional): Error on clean images, in %.
    """

    name: str
    means: Mapping[str, float]
    clean: float | None


ALEXNET = Reference(
    name='AlexNet (published)',
    # From imagenet.py of github.com/google-research/augmix, which has them from
    # github.com/hendrycks/robustness. The clean error is from table 1 of arXiv
    # 1903.12261. No errors on the four extra corruptions are published.
    means=dict(
        gaussian_noise=88.6428,
        shot_noise=89.4468,
        impulse_noise=92.2640,
        defocus_blur=81.9880,
        glass_blur=82.6268,
        motion_blur=78.5948,
        zoom_blur=79.8360,
        snow=86.6816,
        frost=82.6572,
        fog=81.9324,
        brightness=56.4592,
        contrast=85.3204,
        elastic_transform=64.6056,
        pixelate=71.7840,
        jpeg_compression=60.6500,
    ),
    clean=43.5,
)
"""AlexNet's errors on the released ImageNet-C, by which published mCE is normalised."""


def reference_from(result: Mapping[str, Any], cells: list[tuple[str, int]]) -> Reference:
    """Make a reference from an earlier result.

    Args:
        result (Mapping): The content of a result file.
        cells (list[tuple[str, int]]): The corruptions and severities to normalise.

    Raises:
        ValueError: If the result lacks one of them, has other severities, or makes no
            errors on a corruption.
    """
    there = {(cell['corruption'], cell['severity']) for cell in result['cells']}
    missing = [cell for cell in cells if cell not in there]
    severities = {severity for _, severity in cells}
    if missing or severities != set(result['summary']['severities']):
        what = '{} at severity {}'.format(*missing[0]) if missing else 'the same severities'
        raise ValueError(
            f'the reference {result["name"]!r} does not have {what}: score it on the same '
            'corruptions and severities'
        )
    summary = result['summary']
    means = summary['corruption_error_pct']
    perfect = [name for name, _ in cells if not means[name]]
    if perfect:
        raise ValueError(
            f'the reference {result["name"]!r} makes no errors on {perfect[0]}, so errors cannot '
            'be divided by it'
        )
    return Reference(result['name'], means, summary['clean_error_pct'])
