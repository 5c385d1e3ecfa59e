"""What a process needs to run a cell, and what it says in the end."""

from dataclasses import dataclass
from pathlib import Path

from .cell import Cell
from .store import StudyStore

DONE, BUSY, FAILED = 'done', 'busy', 'failed'
"""Outcomes: finished; another process runs the cell; an error stopped it."""


@dataclass(frozen=True)
class Task:
    """A cell, in a form that any process of any machine can read.

    Attributes:
        folder (str): The study's.
        key (str): The cell's.
        title (str): What messages call it.
        config (str): The text of its config.
        scores (dict): Settings of each score, by name.
        needs (tuple[str]): Keys of the cells that come before it.
    """

    folder: str
    key: str
    title: str
    config: str
    scores: dict[str, dict]
    needs: tuple[str, ...]

    @classmethod
    def of(cls, cell: Cell, store: StudyStore) -> 'Task':
        """The task of a cell.

        Args:
            cell (Cell): The cell.
            store (StudyStore): The study's folder.
        """
        folder = str(Path(store.folder).resolve())
        text = cell.config.dump()
        return cls(folder, cell.key, cell.title, text, cell.scores, cell.needs)


@dataclass(frozen=True)
class Outcome:
    """How a cell ended.

    Attributes:
        key (str): The cell's.
        state (str): DONE, BUSY or FAILED.
        error (str): The last line of the error.
    """

    key: str
    state: str
    error: str = ''
