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
    fixed, broken = (
        [each for each in flipped if each['right'][pair[1]] is right] for right in (True, False)
    )
    # Each way its share, and one at least where there is one.
    share = min(_SHOWN, len(flipped)) * len(broken) / len(flipped)
    losses = max(round(share), bool(broken))
    images = [
        *_spaced(fixed, min(_SHOWN - min(losses, _SHOWN - bool(fixed)), len(fixed))),
        *_spaced(broken, min(losses, _SHOWN - bool(fixed))),
    ]
    return dict(text=_text(comparison, pair, len(fixed), len(broken), len(images)), images=images)


def _spaced(images: Sequence[Mapping], count: int) -> list[Mapping]:
    return [images[number * len(images) // count] for number in range(count)]


def _pair(comparison: Comparison) -> tuple[int, int] | None:
    runs = compared_runs(comparison)
    if comparison.baseline is not None:
        return (comparison.baseline, runs[0]) if runs else None
    return (0, 1) if len(runs) > 1 else None


def _flips(example: Mapping[str, Any], one: int, other: int) -> bool:
    return example['right'][one] != example['right'][other]


def _text(
    comparison: Comparison, pair: tuple[int, int], fixed: int, broken: int, shown: int
) -> str:
    """Say how many flip each way: of the pictures, and of all images of all cells."""
    base, name = (run_names(comparison)[run] for run in pair)
    text = (
        f'The results have {len(comparison.examples)} pictures, taken for their position in the '
        f'set. On {fixed} of them {name} is right where {base} is wrong, and on {broken} it is '
        'the reverse'
    )
    text += '.' if shown == fixed + broken else f'; {shown} of these are shown, evenly spaced.'
    flips = comparison.flips[pair[1]]
    if flips:
        text += (
            f' Of all corrupted images {name} is right on {flips["fixed_pct"]:.1f} % where {base} '
            f'is wrong, and wrong on {flips["broken_pct"]:.1f} % where it is right.'
        )
    return text
