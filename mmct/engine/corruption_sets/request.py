"""What a user asks for."""

from dataclasses import dataclass
from pathlib import Path

from mmct.corruptions import CORRUPTIONS, SEVERITIES

LAYOUTS = ('arrays', 'folders')


@dataclass(frozen=True)
class Request:
    """A corruption set to be made.

    Args:
        out (Path): The folder of the set.
        corruptions (tuple[str, ...]): Names. Defaults to all 19.
        severities (tuple[int, ...]): From 1 to 5. Defaults to all.
        seed (int): Of the corruptions. Defaults to 0.
        table (str, optional): 'cifar' or 'imagenet'. Defaults to by size.
        layout (str, optional): One of :data:`LAYOUTS`. Defaults to by size.
        skip_unreadable (bool): Whether to leave damaged images out.
            Defaults to False.
        jobs (int, optional): Number of processes. Defaults to one a core.
    """

    out: Path
    corruptions: tuple[str, ...] = CORRUPTIONS
    severities: tuple[int, ...] = SEVERITIES
    seed: int = 0
    table: str | None = None
    layout: str | None = None
    skip_unreadable: bool = False
    jobs: int | None = None
