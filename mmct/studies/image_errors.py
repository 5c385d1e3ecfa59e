"""Store how often a network was wrong on each image, beside the corruption score of a study."""

import base64
from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Any

import numpy as np
from pydantic import Field, model_validator

from mmct.evaluation import unpack_hits
from mmct.evaluation.summary import main_corruptions
from mmct.records import Record

NAME = 'wrong_by_image'
"""The key of these counts in a corruption score."""


class Wrong(Record):
    """The number of cells (corruptions at severities) in which each image was wrong.

    ``counts`` is base64 of ``numpy.packbits`` of the binary digits of the numbers, the lowest
    digit first, with as many digits as ``cells`` has. This takes less than half a byte per image.
    """

    # The limit is far above the number of cells of any set.
    cells: Annotated[int, Field(gt=0, le=10_000)]
    counts: str


class WrongByImage(Record):
    """The counts that :func:`wrong_by_image` returns."""

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
        result (Mapping): The content of a result file, with clean images.

    Returns:
        dict: Counts for the clean images and for each category of corruptions in the mean, see
        :class:`WrongByImage`; JSON can hold them.
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
    """Compute the errors of the images whose mean is a given number of the score.

    All corruptions have the same number of severities, so a mean over cells equals the score's
    mean over corruptions of means over severities.

    Args:
        kept (Mapping): Counts in the form of :class:`WrongByImage`.
        keys (Sequence[str]): Keys of the number in the score, such as
            ``['categories_pct', 'noise']``.

    Returns:
        np.ndarray: The error of each image in %, (I,), or None if the number is not a mean over
        images, or the errors of single images are unknown.
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
    """Unpack the counts of all images, (I,), and refuse invalid ones."""
    digits = cells.bit_length()
    packed = np.frombuffer(base64.b64decode(text, validate=True), np.uint8)
    if len(packed) != -(-images * digits // 8):
        raise ValueError(f'they do not have {images} images and {cells} cells')
    bits = np.unpackbits(packed, count=images * digits).reshape(images, digits)
    counts = bits @ (1 << np.arange(digits))
    if counts.max() > cells:
        raise ValueError(f'an image was wrong {counts.max()} times in {cells} cells')
    return counts


def _errors(parts: Iterable[Mapping[str, Any]], images: int) -> np.ndarray:
    parts = [*parts]
    counts = sum(_unpacked(part['counts'], part['cells'], images) for part in parts)
    return 100 * counts / sum(part['cells'] for part in parts)
