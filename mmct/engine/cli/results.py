"""Writing what a test gave."""

from pathlib import Path
from typing import Any

import mmengine
from mmengine.evaluator import DumpResults

from ..whole_files import write_whole


def write_result(path: str | Path, value: Any) -> None:
    """Write a value in the format of the file's ending, whole or not at all.

    Args:
        path (str | Path): Ends in .json, .yaml, .yml, .pkl or .pickle.
        value: Anything that the format can hold.
    """
    path = Path(path)
    content = mmengine.dump(value, file_format=path.suffix[1:])
    content = content.encode() if isinstance(content, str) else content
    write_whole(path, lambda temporary: temporary.write_bytes(content))


class DumpWholeResults(DumpResults):
    """mmengine's ``DumpResults``, with a file that is whole or not there.

    Args:
        out_file_path (str): Ends in .pkl or .pickle.
    """

    def compute_metrics(self, results: list) -> dict:
        """Write the predictions.

        Args:
            results (list): One for each image.

        Returns:
            dict: Empty.
        """
        write_result(self.out_file_path, results)
        return {}
