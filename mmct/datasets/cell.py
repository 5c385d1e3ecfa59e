"""The unit of a corruption benchmark."""

from typing import NamedTuple


class Cell(NamedTuple):
    """A corruption at a severity.

    Attributes:
        corruption (str, optional): Its name; None for clean images.
        severity (int): From 1 to 5; 0 for clean images.
    """

    corruption: str | None
    severity: int

    def __str__(self) -> str:
        return f'{self.corruption} at severity {self.severity}' if self.corruption else 'clean'


CLEAN = Cell(None, 0)
"""The images as they were before."""
