"""Choose the reference by which errors are normalised, and check that it fits the set."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from .error_table import ALEXNET, Reference, reference_from
from .result_file import SCHEMA, read_result
from .same_images import check_same_images
from .summary import main_corruptions


def open_reference(reference: Any) -> Mapping[str, Any] | None:
    """Read a reference, so that errors in it show before hours of evaluation.

    Args:
        reference (str | Path | Mapping | Scorecard, optional): 'alexnet', the path of a result
            file, its content, or a scorecard.

    Returns:
        Mapping | None: The content of the result file; None for 'alexnet' and None.

    Raises:
        ValueError: If the file is not a result file, or the reference is none of these.
        FileNotFoundError: If the file does not exist.
    """
    reference = getattr(reference, 'result', reference)
    if isinstance(reference, (str, Path)):
        return None if str(reference) == 'alexnet' else read_result(reference)
    if reference is None:
        return None
    if not isinstance(reference, Mapping) or reference.get('schema') != SCHEMA:
        kind = type(reference).__name__
        raise ValueError(
            f"reference must be None, 'alexnet', a scorecard, or a result or its file, got a {kind}"
        )
    return reference


def choose_reference(
    reference: Any,
    data: Mapping[str, Any],
    cells: Sequence[tuple[str, int]],
    scored: Sequence[Mapping[str, Any]] = (),
) -> Reference | None:
    """Choose the reference by which the errors on a set are normalised.

    Args:
        reference (str | Path | Mapping | Scorecard, optional): 'alexnet', for the released
            ImageNet-C only, or an earlier result, or its file.
        data (Mapping): The description of the set.
        cells (Sequence[tuple[str, int]]): Corruptions and severities of the set.
        scored (Sequence[Mapping]): Of cells whose pixels are known, ``corruption``, ``severity``
            and ``pixels_sha256``. Defaults to none.

    Returns:
        Reference | None: The reference, or None if none is given.

    Raises:
        ValueError: If the reference has other images or cells.
    """
    if reference is None:
        return None
    main = main_corruptions(data, list(dict.fromkeys(name for name, _ in cells)))
    cells = [(name, severity) for name, severity in cells if name in main]
    result = open_reference(reference)
    if result is not None:
        own = dict(data=data, cells=scored)
        check_same_images('the set', own, f'the reference {result["name"]!r}', result)
        return reference_from(result, cells)
    known = ALEXNET.means.keys() >= set(main) and len({severity for _, severity in cells}) == 5
    released = data['source'] == 'released' and data['num_classes'] == 1000
    if not released or data.get('subset') or not known:
        raise ValueError(
            "reference='alexnet' is only for the released ImageNet-C at all severities, but the "
            f'set is {data["set"]} with {data["num_classes"]} classes: give a result file'
        )
    return ALEXNET
