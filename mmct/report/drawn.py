"""A figure in all versions that a page has."""

from collections.abc import Callable
from dataclasses import dataclass

from matplotlib.figure import Figure

from .figures import DARK, LIGHT, png

_DARK, _NARROW = '(prefers-color-scheme: dark)', '(max-width: 40rem)'


@dataclass(frozen=True)
class Drawn:
    """A figure as PNG files: for light and dark pages, and for narrow ones.

    Attributes:
        versions (list[tuple[str, bytes]]): Media query and file; the last one
            is for all other pages.
        width (int): Of the last, in CSS pixels.
    """

    versions: list[tuple[str, bytes]]
    width: int

    @classmethod
    def of(
        cls, draw: Callable[..., Figure], narrow: Callable[..., Figure] | None = None
    ) -> 'Drawn':
        """Draw a figure.

        Args:
            draw (Callable): Takes ``theme``.
            narrow (Callable, optional): Draws it for a phone. Defaults to the
                same as for others.
        """
        light = draw(theme=LIGHT)
        versions = [(_DARK, png(draw(theme=DARK))), ('', png(light))]
        if narrow is not None:
            dark = f'{_NARROW} and {_DARK}', png(narrow(theme=DARK))
            versions = [dark, (_NARROW, png(narrow(theme=LIGHT))), *versions]
        return cls(versions, round(light.get_figwidth() * 96))

    @property
    def plain(self) -> bytes:
        """On white, for the screen."""
        return self.versions[-1][1]
