"""Declare the results that a report compares, and name and select them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from .names import short_names

Results = Sequence[Mapping[str, Any]]


class Comparison(Protocol):
    """The source of a report; ``mmct.evaluation.Comparison`` documents the attributes."""

    results: Results
    baseline: int | None
    differences: Sequence[Mapping[str, Any] | None]
    flips: Sequence[Mapping[str, float] | None]
    intervals: Sequence[Mapping[str, Sequence[float]]]
    confidence: Sequence[Mapping[str, Any] | None]
    examples: Sequence[Mapping[str, Any]]


def run_names(comparison: Comparison) -> list[str]:
    """List the names of the runs in tables and figures.

    Args:
        comparison (Comparison): The runs.

    Returns:
        list[str]: The short names, see :func:`short_names`.
    """
    return short_names([result['name'] for result in comparison.results])


def compared_runs(comparison: Comparison) -> list[int]:
    """Select all runs but the baseline.

    Args:
        comparison (Comparison): The runs.

    Returns:
        list[int]: The positions of the selected runs.
    """
    runs = range(len(comparison.results))
    return [number for number in runs if number != comparison.baseline]


def scored_kinds(result: Mapping[str, Any]) -> dict[str, list[str]]:
    """Sort the scored corruptions into their categories.

    Args:
        result (Mapping): The content of a result file.

    Returns:
        dict[str, list[str]]: Names by category, in the order of the result; no category is empty.
    """
    names = result['summary']['corruption_error_pct']
    kinds = {
        kind: [name for name in names if name in members]
        for kind, members in result['data']['categories'].items()
    }
    return {kind: members for kind, members in kinds.items() if members}


def verdict_of(difference: Mapping[str, float]) -> str:
    """Judge the interval of a difference.

    Args:
        difference (Mapping): The ends ``low`` and ``high`` of the interval of an error minus the
            baseline's.

    Returns:
        str: 'better', 'worse' or, if the interval contains 0, 'no significant difference'.
    """
    if difference['high'] < 0:
        return 'better'
    return 'worse' if difference['low'] > 0 else 'no significant difference'
