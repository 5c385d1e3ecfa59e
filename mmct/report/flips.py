"""Choose the pictures of a report: images on which the networks disagree."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .comparison import Comparison, compared_runs, run_names

# Number of pictures shown.
_SHOWN = 8


def pictures(comparison: Comparison) -> dict[str, Any] | None:
    """Choose images that flip between two networks, or else one image under each corruption.

    An image flips if one network classifies it correctly and the other does not. The two networks
    are the baseline and the first other one or, without a baseline, the first two. The shown
    images are evenly spaced among all that flip, to avoid any selection by hand.

    Args:
        comparison (Comparison): The runs.

    Returns:
        dict | None: A ``text`` that describes the pictures, and ``images``, as in
        ``Comparison.examples``; None if the results have no pictures.
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
            f'Image {first["image"]} of the set, of class {first["label_name"]}: a single image, '
            'selected by its position and not by its content.'
        )
        return dict(text=text, images=images)
    fixed, broken = (
        [each for each in flipped if each['right'][pair[1]] is right] for right in (True, False)
    )
    # Show both directions in proportion, each at least once if it occurs.
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
    """Describe how many images flip in each direction, of the pictures and of all images."""
    base, name = (run_names(comparison)[run] for run in pair)
    text = (
        f'The results have {len(comparison.examples)} pictures, selected by their position in '
        f'the set. On {fixed} of them {name} is right and {base} is wrong, and on {broken} it is '
        'the reverse'
    )
    text += '.' if shown == fixed + broken else f'; {shown} of these are shown, evenly spaced.'
    flips = comparison.flips[pair[1]]
    if flips:
        text += (
            f' On {flips["fixed_pct"]:.1f} % of all corrupted images {name} is right and {base} '
            f'is wrong; on {flips["broken_pct"]:.1f} % it is the reverse.'
        )
    return text
