"""Means over a table of errors: corruption by severity.

Definitions of Hendrycks and Dietterich, "Benchmarking Neural Network Robustness
to Common Corruptions and Perturbations", 2019, section 4.1. All errors are in
percent.
"""

from collections.abc import Mapping, Sequence

Errors = Mapping[str, Sequence[float]]
"""Of each corruption, the error at each severity, in %."""


def corruption_means(errors: Errors) -> dict[str, float]:
    """The error of each corruption, averaged over its severities.

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
    """The mean error over corruptions and severities, not normalised.

    As the AugMix paper reports for CIFAR-10-C and CIFAR-100-C.

    Args:
        errors (Errors): In %.

    Returns:
        float: In %.
    """
    means = corruption_means(errors)
    return sum(means.values()) / len(means)


def normalised_mce(errors: Errors, reference: Mapping[str, float]) -> float:
    """The mean over corruptions of the error relative to a reference's: mCE.

    ``CE_c = sum_s E_(s,c) / sum_s E^ref_(s,c)``, times 100.

    Args:
        errors (Errors): In %.
        reference (Mapping[str, float]): Mean error of each corruption, in %.

    Returns:
        float: In %: 100 is as good as the reference.

    Raises:
        ValueError: If the reference lacks a corruption, or has no errors in it.
    """
    means = corruption_means(errors)
    ratios = [mean / _positive(reference, name) for name, mean in means.items()]
    return 100 * sum(ratios) / len(ratios)


def relative_mce(
    errors: Errors, clean: float, reference: Mapping[str, float], reference_clean: float
) -> float:
    """The mean over corruptions of the degradation relative to a reference's.

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
    gaps = {
        name: reference[name] - reference_clean for name in means if name in reference
    }
    ratios = [(mean - clean) / _positive(gaps, name) for name, mean in means.items()]
    return 100 * sum(ratios) / len(ratios)


def category_means(
    errors: Errors, categories: Mapping[str, Sequence[str]]
) -> dict[str, float]:
    """The mean error of each kind of corruption.

    Args:
        errors (Errors): In %.
        categories (Mapping): The names of each kind.

    Returns:
        dict[str, float]: In %, of the kinds that have a corruption in the table.
    """
    means = corruption_means(errors)
    found = {
        kind: [means[name] for name in names if name in means]
        for kind, names in categories.items()
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
