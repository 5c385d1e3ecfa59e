"""The pictures of a report: images on which the networks do not agree."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .comparison import Comparison, compared_runs, run_names

# So many are shown.
_SHOWN = 8


def pictures(comparison: Comparison) -> dict[str, Any] | None:
    """Choose images that flip between two networks; else one image under each corruption.

    The two are the baseline and the first of the others, or without one the first two. Of all
    images that flip those shown are evenly spaced, so that nobody chooses them.

    Args:
        comparison (Comparison): The runs.

    Returns:
        dict | None: ``text`` on what is shown, and ``images``, as in ``Comparison.examples``.
        None if the results have no pictures.
    """
    examples = comparison.examples
    if not examples:
        return None
    pair = _pair(comparison)
    flipped = [] if pair is None else [e for e in examples if _flips(e, *pair)]
    if not flipped:
        first = examples[0]
        images = [each for each in examples if each['image'] == first['image']]
        text = (
            f'Image {first["image"]} of the set, of class {first["label_name"]}: one image, '
            'taken for its position and not for what it shows.'
        )
        return dict(text=text, images=images)
    count = min(_SHOWN, len(flipped))
    images = [flipped[number * len(flipped) // count] for number in range(count)]
    return dict(text=_text(comparison, pair, flipped, count), images=images)


def _pair(comparison: Comparison) -> tuple[int, int] | None:
    runs = compared_runs(comparison)
    if comparison.baseline is not None:
        return (comparison.baseline, runs[0]) if runs else None
    return (0, 1) if len(runs) > 1 else None


def _flips(example: Mapping[str, Any], one: int, other: int) -> bool:
    return example['right'][one] != example['right'][other]


def _text(
    comparison: Comparison, pair: tuple[int, int], flipped: Sequence[Mapping], count: int
) -> str:
    """Say how many flip each way: of the pictures, and of all images of all cells."""
    base, name = (run_names(comparison)[run] for run in pair)
    fixed = sum(each['right'][pair[1]] for each in flipped)
    text = (
        f'The results have {len(comparison.examples)} pictures, taken for their position in the '
        f'set. On {fixed} of them {name} is right where {base} is wrong, and on '
        f'{len(flipped) - fixed} it is the reverse'
    )
    text += '.' if count == len(flipped) else f'; {count} of these are shown, evenly spaced.'
    flips = comparison.flips[pair[1]]
    if flips:
        text += (
            f' Of all corrupted images {name} is right on {flips["fixed_pct"]:.1f} % where {base} '
            f'is wrong, and wrong on {flips["broken_pct"]:.1f} % where it is right.'
        )
    return text
