"""JSON files, which others may have written: their shape is checked before anything uses them."""

import json
from functools import cache
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from .messages import visible


class Record(BaseModel):
    """Declare what a JSON object must have; what it has besides is let through."""

    model_config = ConfigDict(strict=True, allow_inf_nan=False)


def read_record(path: Path, kind: type[Record]) -> dict[str, Any]:
    """Read a JSON file.

    Args:
        path (Path): The file.
        kind (type[Record]): What it must have.

    Returns:
        dict: Its whole content, as JSON has it.

    Raises:
        ValueError: If it is no JSON, or does not have that; in one line.
        OSError: If it cannot be read.
    """
    try:
        content = json.loads(path.read_text(encoding='utf-8'))
    except RecursionError as error:
        raise ValueError('it is nested too deeply') from error
    check(content, kind)
    return content


def check(value: Any, kind: Any) -> None:
    """Refuse a value of another shape.

    Args:
        value: From outside.
        kind: A :class:`Record`, or any type that pydantic knows.

    Raises:
        ValueError: Says where in the value what is wrong, in one line.
    """
    try:
        _adapter(kind).validate_python(value, strict=True)
    except ValidationError as error:
        raise ValueError(first_of(error)) from error


def first_of(error: ValidationError) -> str:
    """Word the first of what pydantic found.

    Args:
        error (ValidationError): Raised for a value from outside.

    Returns:
        str: One line: where in the value, what is wrong, and what came.
    """
    first = error.errors()[0]
    place = '.'.join(map(str, first['loc']))
    came = '' if first['type'].startswith('missing') else f', got {first["input"]!r:.80}'
    said = first['msg'].removeprefix('Value error, ')
    return ' '.join(visible(': '.join(filter(None, [place, said])) + came).split())


@cache
def _adapter(kind: Any) -> TypeAdapter:
    return TypeAdapter(kind)
