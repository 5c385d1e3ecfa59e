"""The shape of a set's ``manifest.json``, imported when one is read, as pydantic takes long."""

from typing import Annotated, Any, Literal

from pydantic import Field

from mmct.corruptions import SEVERITIES
from mmct.corruptions.names import TABLES
from mmct.records import Record


class Source(Record):
    """Declare what a manifest tells of the images that a set was made from."""

    classes: list[str | int] | None


class Manifest(Record):
    """Declare what reading a set needs of its ``manifest.json``."""

    label: str
    seed: int
    table: Literal[TABLES]
    severities: Annotated[
        list[Annotated[int, Field(ge=SEVERITIES[0], le=SEVERITIES[-1])]], Field(min_length=1)
    ]
    corruptions: dict[str, Any]
    source: Source
    own: dict[str, str] = {}
