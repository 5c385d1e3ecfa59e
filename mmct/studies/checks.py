"""Checks of scores, tables, figures and networks before anything is trained."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import track

from mmct.models import build_classifier
from mmct.runs.errors import CTError, one_line

from .cell import Cell, hashed
from .config import Study
from .registry import FIGURES, SCORES, TABLES


def check_parts(study: Study) -> None:
    """Build every score, table and figure.

    Args:
        study (Study): The study.

    Raises:
        CTError: Names the part that does not build.
    """
    kinds = (('figure', FIGURES, study.figures), ('table', TABLES, study.tables))
    for kind, registry, parts in kinds:
        for name, settings in parts.items():
            with _blamed(f'{kind} {name!r}'):
                registry.build(dict(settings))
    for scores in (study.scores, *(arm.scores for arm in study.arms.values())):
        for name, settings in scores.items():
            with _blamed(f'score {name!r}'):
                SCORES.build({**settings, 'name': name})


def check_data(cells: Iterable[Cell]) -> None:
    """Open what the scores read, once for all cells that read the same.

    Args:
        cells (Iterable[Cell]): Those that are known.

    Raises:
        CTError: Names the score without its data.
    """
    different = {hashed([cell.config.get('test_dataloader'), cell.scores]): cell for cell in cells}
    for cell in different.values():
        for name, settings in cell.scores.items():
            with _blamed(f'score {name!r}'):
                score = SCORES.build({**settings, 'name': name})
                if hasattr(score, 'check_data'):
                    score.check_data(cell.config)


def check_networks(cells: Iterable[Cell]) -> None:
    """Build the networks, each once.

    Args:
        cells (Iterable[Cell]): Those that are known.

    Raises:
        CTError: Names the arm whose network does not build.
    """
    different = {
        hashed([cell.config.model, cell.config.get('data_preprocessor')]): cell for cell in cells
    }
    # Not on stdout, where a dry run's table is.
    shown = Console(stderr=True)
    for cell in track(different.values(), 'builds the networks', console=shown, transient=True):
        with _blamed(f'arm {cell.arm!r} does not build'):
            build_classifier(cell.config)


@contextmanager
def _blamed(owner: str) -> Iterator[None]:
    """Put a name before the errors that a user's config causes."""
    try:
        yield
    except (AssertionError, AttributeError, ImportError, KeyError, OSError, RuntimeError,
            TypeError, ValueError) as error:  # fmt: skip
        raise CTError(f'{owner}: {one_line(error)}') from error
