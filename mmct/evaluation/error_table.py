"""Means over a table of errors: corruption by severity.

Definitions of Hendrycks and Dietterich, "Benchmarking Neural Network Robustness
to Common Corruptions and Perturbations", 2019, section 4.1. All errors are in
percent.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Errors = Mapping[str, Sequence[float]]
"""The error at each severity, in %, by corruption."""


def corruption_means(errors: Errors) -> dict[str, float]:
    """Average the error of each corruption over its severities.

    Args:
        errors (Errors): In %; each corruption at the same number of severities.

    Returns:
        dict[str, float]: In %.

    Raises:
        ValueError: If there are none, or corruptions have different numbers.
    """
    if not errors:
        raise ValueError('there are no errors to average')
    counts = {name: len(values) for name, values in errors.items()}
    first, count = next(iter(counts.items()))
    for name, other in counts.items():
        if other != count or not other:
            raise ValueError(
                f'{name} has {other} severities but {first} has {count}: a mean needs the same '
                'of each'
            )
    return {name: sum(values) / count for name, values in errors.items()}


def raw_mce(errors: Errors) -> float:
    """Average the error over corruptions and severities, not normalised.

    As the AugMix paper reports for CIFAR-10-C and CIFAR-100-C.

    Args:
        errors (Errors): In %.

    Returns:
        float: In %.
    """
    means = corruption_means(errors)
    return sum(means.values()) / len(means)


def normalised_mce(errors: Errors, reference: Mapping[str, float]) -> float:
    """Compute mCE: the mean over corruptions of the error relative to a reference's.

    ``CE_c = sum_s E_(s,c) / sum_s E^ref_(s,c)``, times 100.

    Args:
        errors (Errors): In %.
        reference (Mapping[str, float]): Mean error of each corruption, in %.

    Returns:
        float: In %: 100 is as good as the reference.

    Raises:
        ValueError: If the reference lacks a corruption, or has no errors in it.
    """
    return relative_mce(errors, 0.0, reference, 0.0)


def relative_mce(
    errors: Errors, clean: float, reference: Mapping[str, float], reference_clean: float
) -> float:
    """Compute relative mCE: the same of the degradation from the clean error.

    ``sum_s (E_(s,c) - E_clean) / sum_s (E^ref_(s,c) - E^ref_clean)``, times 100.

    Args:
        errors (Errors): In %.
        clean (float): Error on clean images, in %.
        reference (Mapping[str, float]): Mean error of each corruption, in %.
        reference_clean (float): Its error on clean images, in %.

    Returns:
        float: In %: 100 is as good as the reference.

    Raises:
        ValueError: If the reference lacks a corruption, or is no worse on it
            than on clean images.
    """
    means = corruption_means(errors)
    gaps = {name: reference[name] - reference_clean for name in means if name in reference}
    ratios = [(mean - clean) / _positive(gaps, name) for name, mean in means.items()]
    return 100 * sum(ratios) / len(ratios)


def category_means(errors: Errors, categories: Mapping[str, Sequence[str]]) -> dict[str, float]:
    """Average the error over each kind of corruption.

    Args:
        errors (Errors): In %.
        categories (Mapping): The names of each kind.

    Returns:
        dict[str, float]: In %, of the kinds that have a corruption in the table.
    """
    means = corruption_means(errors)
    found = {
        kind: [means[name] for name in names if name in means] for kind, names in categories.items()
    }
    return {kind: sum(values) / len(values) for kind, values in found.items() if values}


def _positive(reference: Mapping[str, float], name: str) -> float:
    if name not in reference:
        raise ValueError(f'the reference has no {name}: it cannot be normalised by')
    if not reference[name] > 0:
        raise ValueError(
            f'the reference has {reference[name]:.2f} % for {name}, which cannot be divided by'
        )
    return reference[name]


@dataclass(frozen=True)
class Reference:
    """A network's errors on the cells of a set.

    Attributes:
        name (str): For tables.
        means (Mapping[str, float]): Mean error of each corruption, in %.
        clean (float, optional): Error on clean images, in %.
    """

    name: str
    means: Mapping[str, float]
    clean: float | None


ALEXNET = Reference(
    name='AlexNet (published)',
    # ImageNet-C/test.py of github.com/hendrycks/robustness, and table 1 of
    # arXiv 1903.12261 for the clean error. The four extra corruptions have none.
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
"""AlexNet's errors on the released ImageNet-C, by which published mCE are normalised."""


def reference_from(result: Mapping[str, Any], cells: list[tuple[str, int]]) -> Reference:
    """Take an earlier result as the reference.

    Args:
        result (Mapping): Of a scorecard.
        cells (list[tuple[str, int]]): The corruptions and severities that are
            to be normalised.

    Raises:
        ValueError: If the result lacks one of them, has other severities, or
            makes no errors with one.
    """
    there = {(cell['corruption'], cell['severity']) for cell in result['cells']}
    missing = [cell for cell in cells if cell not in there]
    severities = {severity for _, severity in cells}
    if missing or severities != set(result['summary']['severities']):
        what = '{} at severity {}'.format(*missing[0]) if missing else 'the same severities'
        raise ValueError(
            f'the reference {result["name"]!r} does not have {what}: score it on the same cells'
        )
    summary = result['summary']
    means = summary['corruption_error_pct']
    perfect = [name for name, _ in cells if not means[name]]
    if perfect:
        raise ValueError(
            f'the reference {result["name"]!r} makes no errors with {perfect[0]}: nothing can be '
            'divided by them'
        )
    return Reference(result['name'], means, summary['clean_error_pct'])
