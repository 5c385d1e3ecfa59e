"""Declare the structure of ``manifest.json``; imported on use, as pydantic is slow to import."""

from typing import Annotated, Any, Literal

from pydantic import Field

from mmct.corruptions import SEVERITIES
from mmct.corruptions.names import TABLES
from mmct.records import Record


class Source(Record):
    """The manifest's keys on the images from which a set was made."""

    classes: list[str | int] | None


class Manifest(Record):
    """The keys of ``manifest.json`` that are needed to read a set."""

    label: str
    seed: int
    table: Literal[TABLES]
    severities: Annotated[
        list[Annotated[int, Field(ge=SEVERITIES[0], le=SEVERITIES[-1])]], Field(min_length=1)
    ]
    corruptions: dict[str, Any]
    source: Source
    own: dict[str, str] = {}
