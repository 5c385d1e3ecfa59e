"""Read JSON files, which others may have written, and check their structure before use."""

import json
from functools import cache
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from .messages import visible


class Record(BaseModel):
    """Base class that declares the required keys of a JSON object; other keys are ignored."""

    model_config = ConfigDict(strict=True, allow_inf_nan=False)


def read_record(path: Path, kind: type[Record]) -> dict[str, Any]:
    """Read and check a JSON file.

    Args:
        path (Path): The file.
        kind (type[Record]): The keys that the file must have.

    Returns:
        dict: The whole content of the file.

    Raises:
        ValueError: If the file is not JSON or a required key is missing or
            wrong; the message is one line.
        OSError: If the file cannot be read.
    """
    try:
        content = json.loads(path.read_text(encoding='utf-8'))
    except RecursionError as error:
        raise ValueError('it is nested too deeply') from error
    check(content, kind)
    return content


def check(value: Any, kind: Any) -> None:
    """Refuse a value that does not match its declared type.

    Args:
        value (Any): A value from outside.
        kind (Any): A :class:`Record`, or any type that pydantic knows.

    Raises:
        ValueError: If the value does not match; the message says in one line
            where and why.
    """
    try:
        _adapter(kind).validate_python(value, strict=True)
    except ValidationError as error:
        raise ValueError(first_of(error)) from error


def first_of(error: ValidationError) -> str:
    """Describe the first error that pydantic found.

    Args:
        error (ValidationError): The error raised for a value from outside.

    Returns:
        str: One line that says where the value is wrong, why, and what was given.
    """
    first = error.errors()[0]
    place = '.'.join(map(str, first['loc']))
    came = '' if first['type'].startswith('missing') else f', got {first["input"]!r:.80}'
    said = first['msg'].removeprefix('Value error, ')
    return ' '.join(visible(': '.join(filter(None, [place, said])) + came).split())


@cache
def _adapter(kind: Any) -> TypeAdapter:
    return TypeAdapter(kind)
