"""Keep how often a network was wrong on each image, beside the corruption score of a study."""

import base64
from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Any

import numpy as np
from pydantic import Field, model_validator

from mmct.evaluation import unpack_hits
from mmct.evaluation.summary import main_corruptions
from mmct.records import Record

NAME = 'wrong_by_image'
"""Its key in what a corruption score returns."""


class Wrong(Record):
    """Declare in how many of some cells each image was wrong.

    ``counts`` is base64 of ``numpy.packbits`` of the numbers' binary digits, the last one
    first, as many as ``cells`` has: less than half of the size of a byte an image.
    """

    # More than any set has; a number of many digits is none of cells.
    cells: Annotated[int, Field(gt=0, le=10_000)]
    counts: str


class WrongByImage(Record):
    """Declare what :func:`wrong_by_image` returns."""

    images: Annotated[int, Field(gt=0)]
    labels_sha256: str
    clean: Wrong
    categories: Annotated[dict[str, Wrong], Field(min_length=1)]

    @model_validator(mode='after')
    def _check_counts(self) -> 'WrongByImage':
        for kind, wrong in [('clean', self.clean), *self.categories.items()]:
            try:
                _unpacked(wrong.counts, wrong.cells, self.images)
            except ValueError as error:
                raise ValueError(f'the counts of {kind} are damaged: {error}') from error
        return self


def wrong_by_image(result: Mapping[str, Any]) -> dict[str, Any]:
    """Count in how many cells each image was wrong.

    Args:
        result (Mapping): Of a scorecard, with clean images.

    Returns:
        dict: JSON-able, see :class:`WrongByImage`: of the clean images, and of each kind of
        corruption that the mean is over.
    """
    data, by_name = result['data'], {}
    for cell in result['cells']:
        by_name.setdefault(cell['corruption'], []).append(cell)
    main = main_corruptions(data, by_name)
    cells = {
        kind: [cell for name in names if name in main for cell in by_name[name]]
        for kind, names in data['categories'].items()
    }
    return dict(
        images=data['images'],
        labels_sha256=data['labels_sha256'],
        clean=_counted([result['clean']]),
        categories={kind: _counted(own) for kind, own in cells.items() if own},
    )


def errors_of_images(kept: Mapping[str, Any], keys: Sequence[str]) -> np.ndarray | None:
    """Compute the error of each image, of which a number of the score is the mean.

    Each corruption has as many severities as the others: a mean over its cells is one over
    corruptions of means over severities, as in the score.

    Args:
        kept (Mapping): Of the shape of :class:`WrongByImage`.
        keys (Sequence[str]): Where the number is in the score, such as
            ``['categories_pct', 'noise']``.

    Returns:
        np.ndarray: In %. (I,) None if the number is no mean over images, or not known of
        each.
    """
    kinds = kept['categories']
    match keys:
        case ['clean_error_pct']:
            return _errors([kept['clean']], kept['images'])
        case ['raw_mce_pct']:
            return _errors(kinds.values(), kept['images'])
        case ['gap_pct']:
            clean = _errors([kept['clean']], kept['images'])
            return _errors(kinds.values(), kept['images']) - clean
        case ['categories_pct', kind] if kind in kinds:
            return _errors([kinds[kind]], kept['images'])
    return None


def _counted(cells: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    counts = sum((~unpack_hits(cell)).astype(int) for cell in cells)
    digits = counts[:, None] >> np.arange(len(cells).bit_length()) & 1
    packed = np.packbits(digits.astype(np.uint8)).tobytes()
    return dict(cells=len(cells), counts=base64.b64encode(packed).decode())


def _unpacked(text: str, cells: int, images: int) -> np.ndarray:
    """Unpack the counts of all images, (I,), and refuse what are none."""
    digits = cells.bit_length()
    packed = np.frombuffer(base64.b64decode(text, validate=True), np.uint8)
    if len(packed) != -(-images * digits // 8):
        raise ValueError(f'they are not those of {images} images and {cells} cells')
    bits = np.unpackbits(packed, count=images * digits).reshape(images, digits)
    counts = bits @ (1 << np.arange(digits))
    if counts.max() > cells:
        raise ValueError(f'an image was wrong {counts.max()} times in {cells} cells')
    return counts


def _errors(parts: Iterable[Mapping[str, Any]], images: int) -> np.ndarray:
    parts = [*parts]
    counts = sum(_unpacked(part['counts'], part['cells'], images) for part in parts)
    return 100 * counts / sum(part['cells'] for part in parts)
