"""Declare the structure of result files; imported on use, as pydantic is slow to import."""

from typing import Annotated

from pydantic import Field

from mmct.records import Record

Interval = Annotated[list[float], Field(min_length=2, max_length=2)]


class _Predictions(Record):
    num_classes: Annotated[int, Field(gt=0)]
    classes: str
    log_probabilities: str
    label_log_probability: str


class Cell(Record):
    """The score of a cell, as :func:`cell_score` returns it."""

    corruption: str | None
    severity: Annotated[int, Field(ge=0, le=5)]
    images: Annotated[int, Field(gt=0)]
    errors: int
    error_pct: float
    ece_pct: float
    rms_calibration_pct: float
    hits: str
    predictions: _Predictions | None = None
    pixels_sha256: str | None = None


class _CorruptedCell(Cell):
    corruption: str


class _CleanCell(Cell):
    corruption: None


class Example(Record):
    """An image with its label and the network's prediction."""

    corruption: str | None
    severity: int
    image: int
    label: int
    label_name: str
    prediction_name: str
    png: str


class _Network(Record):
    config: str = ''
    checkpoint: str = ''
    weights_sha256: str
    fp16: bool
    recalibrate_bn: int = 0
    bn_batch_size: int | None = None
    top_probabilities: list[float] | None = None
    outputs: int = 0
    all_outputs: int = 0


class _Corruptions(Record):
    categories: dict[str, list[str]] = {}
    own: dict[str, str] = {}


class _Data(_Corruptions):
    set: str
    source: str
    images: Annotated[int, Field(gt=0)]
    num_classes: Annotated[int, Field(gt=0)]
    labels_sha256: str
    categories: dict[str, list[str]]


class _Normalised(Record):
    reference: str
    reference_pct: dict[str, float]
    reference_clean_pct: float | None
    mce_interval_pct: Interval


class _Bootstrap(Record):
    level: Annotated[float, Field(gt=0, lt=1)]
    # Reading a file repeats the bootstrap; more draws would take minutes.
    resamples: Annotated[int, Field(gt=0, le=100_000)]
    seed: Annotated[int, Field(ge=0)]


class _Summary(Record):
    clean_interval_pct: Interval | None
    raw_mce_interval_pct: Interval
    normalised: _Normalised | None
    bootstrap: _Bootstrap


class Head(Record):
    """The keys that distinguish a result from other files."""

    schema_: Annotated[str, Field(alias='schema')]
    schema_version: int
    mmct_version: str


class Result(Head):
    """The content of a result file, see docs/reference/evaluation.md."""

    name: str
    model: _Network
    data: _Data
    labels: str | None
    classes: list[str] | None
    clean: _CleanCell | None
    cells: list[_CorruptedCell]
    examples: list[Example]
    summary: _Summary


class _Marks(Record):
    data: _Corruptions


class UnfinishedResult(Record):
    """The content of an unfinished result file, which grows cell by cell."""

    marks: _Marks
    cells: list[Cell]
    examples: list[Example]
    name: str | None = None
