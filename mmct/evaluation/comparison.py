"""Compare several results image by image."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Any

from mmct.messages import is_count, require, suggestion

from .paired import differences, error_intervals, flips
from .predictions import unpack_predictions
from .probability_scores import confidence_scores
from .result_file import labels_of, make_result, reference_of
from .same_images import check_same_images, joined
from .summary import main_corruptions, scored_kinds, unpack_hits


@dataclass(frozen=True)
class Comparison:
    """Results on the same images and cells (a cell is a corruption at a severity).

    Attributes:
        results (tuple[dict]): The contents of result files.
        baseline (int, optional): Position of the result that the others are compared with.
        differences (tuple[dict | None]): The errors of each result minus the
            baseline's, in points: ``clean_error_pct``, ``raw_mce_pct``, and by name
            ``categories_pct`` and ``corruption_error_pct``. Each difference is a dict of
            ``value``, ``low`` and ``high``, from the paired bootstrap over images. None for
            the baseline, and for all results without a baseline.
        flips (tuple[dict | None]): For each result, the percentage of corrupted images on which
            it is right and the baseline wrong, ``fixed_pct``, and the reverse, ``broken_pct``,
            over the cells of raw mCE. None where ``differences`` has None.
        intervals (tuple[dict]): For each result, the interval of the mean error over severities
            by corruption, in %.
        confidence (tuple[dict | None]): See :func:`confidence_scores`.
        examples (tuple[dict]): Pictures with ``right``, whether each result was right on the
            image, and ``predictions``, the name of the class that each predicted, or None if
            its file does not have it.
    """

    results: tuple[dict[str, Any], ...]
    baseline: int | None
    differences: tuple[dict[str, Any] | None, ...]
    flips: tuple[dict[str, float] | None, ...]
    intervals: tuple[dict[str, tuple[float, float]], ...]
    confidence: tuple[dict[str, Any] | None, ...]
    examples: tuple[dict[str, Any], ...]


def compare(
    results: Sequence[Mapping[str, Any]], baseline: int | None = None, common: bool = False
) -> Comparison:
    """Compare results image by image.

    Args:
        results (Sequence[Mapping]): The results, as :func:`read_result` returns them.
        baseline (int, optional): Position of the result that the others are compared
            with; a single result has none. Defaults to None: no baseline.
        common (bool): Whether to compare on the cells that all results have, rather
            than refuse results with different cells. Defaults to False.

    Returns:
        Comparison: The results in the same order; equal names are numbered. Level and draws of
        all intervals are those of the first result, and a corruption is of the same category in
        all.

    Raises:
        ValueError: If the results are not of the same images or cells, or the
            baseline does not exist.
    """
    if not results:
        raise ValueError('there are no results to compare')
    known = baseline is None or (is_count(baseline, 0) and baseline < len(results))
    require(known, f'baseline must be None or from 0 to {len(results) - 1}', baseline)
    baseline = None if len(results) == 1 else baseline
    named = _with_names_of_their_own(results)
    for result in named[1:]:
        _check_data(named[0], result)
    named = _on_the_same_terms(_on_the_same_cells(named, common))
    bases = [
        None if baseline is None or number == baseline else named[baseline]
        for number in range(len(named))
    ]
    pairs = list(zip(named, bases, strict=True))
    return Comparison(
        results=tuple(named),
        baseline=baseline,
        differences=tuple(base and differences(result, base) for result, base in pairs),
        flips=tuple(base and flips(result, base) for result, base in pairs),
        intervals=tuple(map(error_intervals, named)),
        confidence=tuple(map(confidence_scores, named)),
        examples=tuple(_examples(named)),
    )


def find_run(results: Sequence[Mapping[str, Any]], name: str) -> int:
    """Find a run by its name.

    Args:
        results (Sequence[Mapping]): The results.
        name (str): Name of the run; equal ones are numbered, see :func:`compare`.

    Returns:
        int: Position of the run.

    Raises:
        ValueError: If no run has this name; the message suggests a similar one.
    """
    names = [result['name'] for result in _with_names_of_their_own(results)]
    if name in names:
        return names.index(name)
    raise ValueError(f'there is no run {name!r}: {suggestion(name, names)}')


def plain_bn(results: Sequence[Mapping[str, Any]]) -> int | None:
    """Find the plain network with BatchNorm, which serves as the baseline.

    Its name or config begins with ``bn_``, as in mmct's own configs, and it was not adapted to
    test images.

    Args:
        results (Sequence[Mapping]): The results.

    Returns:
        int | None: Position of the plain network. None if there is none or more than one, or
        if there is no other result.
    """
    found = [
        number
        for number, result in enumerate(results)
        if any(name.lower().startswith('bn_') for name in _own_names(result))
        and not result['model'].get('recalibrate_bn')
    ]
    return found[0] if len(found) == 1 and len(results) > 1 else None


def _own_names(result: Mapping[str, Any]) -> tuple[str, str]:
    return result['name'], result['model'].get('config', '')


def _with_names_of_their_own(results: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    named: dict[str, dict[str, Any]] = {}
    for result in results:
        name, number = result['name'], 1
        while name in named:  # a run may be called 'a (2)' by its own file
            number += 1
            name = f'{result["name"]} ({number})'
        named[name] = {**result, 'name': name}
    return [*named.values()]


def _check_data(first: Mapping[str, Any], other: Mapping[str, Any]) -> None:
    check_same_images(first['name'], first, other['name'], other)
    counts = [r['clean']['images'] for r in (first, other) if r['clean'] is not None]
    if len(set(counts)) > 1:
        raise ValueError(
            f'{first["name"]} and {other["name"]} are not scored on the same clean images: one '
            f'has {counts[0]}, the other {counts[1]}'
        )


def _on_the_same_cells(results: list[dict[str, Any]], common: bool) -> list[dict[str, Any]]:
    cells = [(result['name'], _cells(result)) for result in results]
    every = dict.fromkeys(key for _, own in cells for key in own)
    lacking = [(name, key) for name, own in cells for key in every if key not in own]
    if not lacking:
        return results
    name, key = min(lacking, key=str)
    what = '{} at severity {}'.format(*key) if key[0] else 'clean images'
    if not common:
        raise ValueError(
            f'{name} lacks {what}, unlike others: score it on all that they have, or compare '
            'only what all have in common with --common'
        )
    shared = [key for key in every if all(key in own for _, own in cells)]
    if not any(key[0] for key in shared):
        raise ValueError(
            f'the runs have no corruption and severity in common: {name} lacks {what}'
        )
    return [_restricted(result, shared) for result in results]


def _on_the_same_terms(results: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Sum up anew the results that have other intervals or other categories."""
    draws = results[0]['summary']['bootstrap']
    categories = reduce(joined, (result['data'] for result in results))['categories']
    alike = []
    for result in results:
        data = {**result['data'], 'categories': categories}
        names = list(result['summary']['corruption_error_pct'])
        if (
            result['summary']['bootstrap'] != draws
            or scored_kinds(data, names) != scored_kinds(result['data'], names)
        ):
            summary = {**result['summary'], 'bootstrap': draws}
            result = {**result, 'data': data, 'summary': summary}
            result = _restricted(result, list(_cells(result)))
        alike.append(result)
    return alike


def _cells(result: Mapping[str, Any]) -> dict[tuple, Mapping[str, Any]]:
    clean = [result['clean']] if result['clean'] else []
    return {(cell['corruption'], cell['severity']): cell for cell in [*clean, *result['cells']]}


def _restricted(result: Mapping[str, Any], keys: list[tuple]) -> dict[str, Any]:
    cells, summary = _cells(result), result['summary']
    reference, data = reference_of(summary), result['data']
    main = main_corruptions(data, list(dict.fromkeys(key[0] for key in keys if key[0])))
    # The reference's errors are means over the severities that the result had, on the corruptions
    # of its own mCE: without these, the mean is over others.
    as_before = sorted({key[1] for key in keys if key[0]}) == summary['severities']
    known = reference is not None and reference.means.keys() >= set(main)
    return make_result(
        name=result['name'],
        model=result['model'],
        data=data,
        clean=cells.get((None, 0)) if (None, 0) in keys else None,
        cells=[cells[key] for key in keys if key[0]],
        examples=[e for e in result['examples'] if (e['corruption'], e['severity']) in keys],
        labels=labels_of(result),
        classes=result['classes'],
        reference=reference if as_before and known else None,
        **summary['bootstrap'],
    )


def _examples(results: Sequence[Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
    """Yield the pictures of the first result that has any."""
    cells = [_cells(result) for result in results]
    for example in next((r['examples'] for r in results if r['examples']), ()):
        key, image = (example['corruption'], example['severity']), example['image']
        yield dict(
            example,
            right=[bool(unpack_hits(own[key])[image]) for own in cells],
            predictions=[
                _prediction(result, own[key], image)
                for result, own in zip(results, cells, strict=True)
            ],
        )


def _prediction(result: Mapping[str, Any], cell: Mapping[str, Any], image: int) -> str | None:
    """Name the class that a network predicted for an image, if its file has it."""
    place = cell['corruption'], cell['severity'], image
    for own in result['examples']:
        if (own['corruption'], own['severity'], own['image']) == place:
            return own['prediction_name']
    predictions, names = unpack_predictions(cell), result['classes']
    if predictions is None:
        return None
    seen = int(predictions.classes[image, 0])
    return names[seen] if names and seen < len(names) else f'class {seen}'
