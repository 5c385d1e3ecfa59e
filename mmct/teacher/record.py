"""Declare the fields of ``teacher.json``.

This module is imported only where such a file is read, because pydantic takes long to import.
"""

from typing import Annotated, Any

from pydantic import Field

from mmct.records import Record


class Begun(Record):
    """Fields of ``teacher.json`` once a teacher's training has begun."""

    finished: bool
    fingerprint: dict[str, Any]


class Finished(Begun):
    """Further fields of ``teacher.json`` once the training has finished."""

    source: str
    accuracy_pct: float
    chance_pct: float
    num_images: Annotated[int, Field(gt=0)]
    measured_on: str
    seconds: float | None
