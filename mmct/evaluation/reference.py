"""The errors that others are normalised by."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


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
