"""Where checkpoints go: files that are whole or not there."""

from pathlib import Path

from mmengine.fileio import LocalBackend, register_backend

from .whole_files import write_whole


class WholeFileBackend(LocalBackend):
    """Local files that are written whole, and removed when they are told to.

    mmengine's ``CheckpointHook`` removes the checkpoint that another replaces
    before it writes that one; here it stays until :meth:`remove_outdated`.
    Set by ``backend_args=dict(backend='whole_file')``, as
    :class:`mmct.engine.ResumableCheckpointHook` does.
    """

    def __init__(self) -> None:
        super().__init__()
        self._outdated: list[str | Path] = []

    def put(self, obj: bytes, filepath: str | Path) -> None:
        """Write a file under a temporary name and move it into place.

        Args:
            obj (bytes): Its content.
            filepath (str | Path): The file.

        Raises:
            CTError: If it cannot be written; nothing is then lost.
        """
        write_whole(Path(filepath), lambda temporary: temporary.write_bytes(obj))

    def remove(self, filepath: str | Path) -> None:
        """Note that a file is outdated.

        Args:
            filepath (str | Path): The file.
        """
        self._outdated.append(filepath)

    def remove_outdated(self) -> None:
        """Remove the files that are outdated."""
        while self._outdated:
            Path(self._outdated.pop()).unlink(missing_ok=True)


# Registered again when a test reloads this module.
register_backend('whole_file', WholeFileBackend, force=True)
