"""Choose what errors are normalised by, if it is of the same images and cells."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from .error_table import ALEXNET, Reference, reference_from
from .result_file import read_result
from .same_images import check_same_images
from .summary import main_corruptions


def open_reference(reference: str | Path | Mapping[str, Any] | None) -> Mapping[str, Any] | None:
    """Read a reference, before hours of evaluation.

    Args:
        reference (str | Path | Mapping, optional): 'alexnet', the path of a result file, or its
            content.

    Returns:
        Mapping | None: The content of a result file; None for 'alexnet' and for none.

    Raises:
        ValueError: If it is no result file.
        FileNotFoundError: If there is no such file.
    """
    if isinstance(reference, (str, Path)) and str(reference) != 'alexnet':
        return read_result(reference)
    return reference if isinstance(reference, Mapping) else None


def choose_reference(
    reference: str | Path | Mapping[str, Any] | None,
    data: Mapping[str, Any],
    cells: Sequence[tuple[str, int]],
) -> Reference | None:
    """Choose what the errors of a set are normalised by.

    Args:
        reference (str | Path | Mapping, optional): 'alexnet', for ImageNet-C alone, or an earlier
            result, or its file.
        data (Mapping): What the set says of itself.
        cells (Sequence[tuple[str, int]]): Its corruptions and severities.

    Returns:
        Reference | None: None if there is none.

    Raises:
        ValueError: If it is of other images or cells.
    """
    if reference is None:
        return None
    main = main_corruptions(data, list(dict.fromkeys(name for name, _ in cells)))
    cells = [(name, severity) for name, severity in cells if name in main]
    result = open_reference(reference)
    if result is not None:
        check_same_images('the set', data, f'the reference {result["name"]!r}', result['data'])
        return reference_from(result, cells)
    known = ALEXNET.means.keys() >= set(main) and len({severity for _, severity in cells}) == 5
    if data['num_classes'] != 1000 or data.get('subset') or not known:
        raise ValueError(
            "reference='alexnet' is for ImageNet-C at all severities alone, but the set is "
            f'{data["set"]} with {data["num_classes"]} classes: give a result file'
        )
    return ALEXNET
