"""The shape of ``teacher.json``, imported when one is read: pydantic takes long to import."""

from typing import Annotated, Any

from pydantic import Field

from mmct.records import Record


class Begun(Record):
    """Declare what ``teacher.json`` has of a teacher that was begun."""

    finished: bool
    fingerprint: dict[str, Any]


class Finished(Begun):
    """Declare what it has besides of one that was trained to its end."""

    source: str
    accuracy_pct: float
    chance_pct: float
    num_images: Annotated[int, Field(gt=0)]
    measured_on: str
    seconds: float
