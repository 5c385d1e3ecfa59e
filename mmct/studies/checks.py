"""Check scores, tables, figures and networks before anything is trained."""

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
    """Check that every score, table and figure can be built.

    Args:
        study (Study): The study.

    Raises:
        CTError: If a part cannot be built; the message names it.
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
    """Check the data of the scores, once for all cells with the same data.

    Args:
        cells (Iterable[Cell]): The known cells.

    Raises:
        CTError: If the data of a score are missing; the message names the score.
    """
    # What a score may read of a config.
    read = ('train_dataloader', 'val_dataloader', 'test_dataloader', 'default_hooks')
    different = {
        hashed([*(cell.config.get(part) for part in read), cell.scores]): cell for cell in cells
    }
    for cell in different.values():
        for name, settings in cell.scores.items():
            with _blamed(f'score {name!r}'):
                score = SCORES.build({**settings, 'name': name})
                if hasattr(score, 'check_data'):
                    score.check_data(cell.config)


def check_networks(cells: Iterable[Cell]) -> None:
    """Check that each network can be built.

    Args:
        cells (Iterable[Cell]): The known cells.

    Raises:
        CTError: If a network cannot be built; the message names its arm.
    """
    different = {
        hashed([cell.config.model, cell.config.get('data_preprocessor')]): cell for cell in cells
    }
    # On stderr, as a dry run prints its table to stdout.
    shown = Console(stderr=True)
    for cell in track(different.values(), 'building the networks', console=shown, transient=True):
        with _blamed(f'arm {cell.arm!r} cannot be built'):
            build_classifier(cell.config)


@contextmanager
def _blamed(owner: str) -> Iterator[None]:
    """Prefix the errors of a user's config with the name of the part that caused them."""
    try:
        yield
    except (AssertionError, AttributeError, ImportError, KeyError, OSError, RuntimeError,
            TypeError, ValueError) as error:  # fmt: skip
        raise CTError(f'{owner}: {one_line(error)}') from error
