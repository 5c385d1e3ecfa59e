"""Choose the reference by which errors are normalised, and check that it fits the set."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from .error_table import ALEXNET, Reference, reference_from
from .result_file import read_result
from .same_images import check_same_images
from .summary import main_corruptions


def open_reference(reference: str | Path | Mapping[str, Any] | None) -> Mapping[str, Any] | None:
    """Read a reference, so that errors in it show before hours of evaluation.

    Args:
        reference (str | Path | Mapping, optional): 'alexnet', the path of a result file, or its
            content.

    Returns:
        Mapping | None: The content of the result file; None for 'alexnet' and None.

    Raises:
        ValueError: If the file is not a result file.
        FileNotFoundError: If the file does not exist.
    """
    if isinstance(reference, (str, Path)) and str(reference) != 'alexnet':
        return read_result(reference)
    return reference if isinstance(reference, Mapping) else None


def choose_reference(
    reference: str | Path | Mapping[str, Any] | None,
    data: Mapping[str, Any],
    cells: Sequence[tuple[str, int]],
    scored: Sequence[Mapping[str, Any]] = (),
) -> Reference | None:
    """Choose the reference by which the errors on a set are normalised.

    Args:
        reference (str | Path | Mapping, optional): 'alexnet', for ImageNet-C only, or an earlier
            result, or its file.
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
    if data['num_classes'] != 1000 or data.get('subset') or not known:
        raise ValueError(
            "reference='alexnet' is only for ImageNet-C at all severities, but the set is "
            f'{data["set"]} with {data["num_classes"]} classes: give a result file'
        )
    return ALEXNET
