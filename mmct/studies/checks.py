"""What can be wrong with scores, tables and figures, found before anything is trained."""

from collections.abc import Iterable

from mmct.runs.errors import CTError, one_line

from .cell import Cell, hashed
from .registry import FIGURES, SCORES, TABLES
from .study import Study


def check_parts(study: Study, cells: Iterable[Cell]) -> None:
    """Build every score, table and figure, and open what the scores read.

    Args:
        study (Study): The study.
        cells (Iterable[Cell]): Those that are known.

    Raises:
        CTError: Names the part that does not build, or its data.
    """
    parts = [('figure', FIGURES, study.figures), ('table', TABLES, study.tables)]
    for kind, registry, named in parts:
        for name, settings in named.items():
            try:
                registry.build(dict(settings))
            except (AttributeError, KeyError, TypeError, ValueError) as error:
                raise CTError(f'{kind} {name!r}: {one_line(error)}') from error
    seen = set()
    for cell in cells:
        mark = hashed([cell.config.get('test_dataloader'), cell.scores])
        if cell.scores and mark not in seen:
            seen.add(mark)
            images_to_predict(cell)


def images_to_predict(cell: Cell) -> int:
    """How many images the scores of a cell predict.

    Args:
        cell (Cell): The cell.

    Returns:
        int: Over all scores that say it.

    Raises:
        CTError: Names the score that does not build, or its data.
    """
    images = 0
    for name, settings in cell.scores.items():
        try:
            score = SCORES.build({**settings, 'name': name})
            images += score.count(cell.config) if hasattr(score, 'count') else 0
        except (AttributeError, KeyError, OSError, RuntimeError, TypeError, ValueError) as error:
            raise CTError(f'score {name!r}: {one_line(error)}') from error
    return images
