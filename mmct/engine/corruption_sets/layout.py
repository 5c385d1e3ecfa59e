"""What the two layouts have in common."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from .recipe import Part, Recipe
from .source import Source


@dataclass(frozen=True)
class Layout:
    """How a set lies on disk. Goes to the workers with each task.

    Args:
        out (Path): The folder of the set.
        work (Path): The folder in it for unfinished work.
        recipe (Recipe): What is done to the images.
    """

    out: Path
    work: Path
    recipe: Recipe

    @staticmethod
    def has(out: Path, corruption: str) -> bool:
        """Whether a corruption's files are in their place.

        Args:
            out (Path): The folder of the set.
            corruption (str): The corruption.
        """
        raise NotImplementedError

    def begin(self, labels: np.ndarray) -> None:
        """Write what belongs to no corruption.

        Args:
            labels (np.ndarray): Of the images. (N,)
        """

    def reopen(self, corruption: str) -> None:
        """Make a corruption unfinished that is in its place but not in the manifest.

        Args:
            corruption (str): The corruption.
        """

    def make(self, source: Source, corruption: str, part: Part) -> bool:
        """Make those files of a part that are not there. In a worker.

        Args:
            source (Source): The data set.
            corruption (str): The corruption.
            part (Part): Its images.

        Returns:
            bool: Whether there was something to do.
        """
        raise NotImplementedError

    def finish(self, corruption: str) -> dict[str, str]:
        """Bring a corruption to its place.

        Args:
            corruption (str): All of its parts are there.

        Returns:
            dict[str, str]: The SHA-256 of files, for the manifest.
        """
        raise NotImplementedError

    def clear(self, corruption: str) -> None:
        """Remove what is left of the work on a corruption in the manifest.

        Args:
            corruption (str): The corruption.
        """
