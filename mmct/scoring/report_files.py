"""Writing a report, whole or not at all."""

from pathlib import Path

from mmct.evaluation import Comparison
from mmct.report import render
from mmct.runs.files import write_whole


def write_report(comparison: Comparison, out: Path) -> Path:
    """Write a report, with its figures beside it.

    Args:
        comparison (Comparison): The runs.
        out (Path): The HTML file.

    Returns:
        Path: The HTML file.

    Raises:
        CTError: If a file cannot be written.
    """
    for name, content in render(comparison, out.stem).items():
        write_whole(out.with_name(name), lambda path, content=content: path.write_bytes(content))
    return out
