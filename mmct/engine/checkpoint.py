"""Checkpoints: read without running their code, written whole or not at all."""

import json
import os
import pickle
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmengine.logging import HistoryBuffer
from torch import Tensor

from .errors import CTError

_FORCE_SAFE = 'TORCH_FORCE_WEIGHTS_ONLY_LOAD'


def _history_globals() -> list:
    """All that mmengine's ``HistoryBuffer`` pickles to."""
    core = np._core if hasattr(np, '_core') else np.core
    dtypes = [type(np.dtype(t)) for t in (np.float64, np.float32, np.int64, np.uint32)]
    return [
        HistoryBuffer,
        getattr,
        core.multiarray._reconstruct,
        core.multiarray.scalar,
        np.ndarray,
        np.dtype,
        *dtypes,
    ]


@contextmanager
def safe_loading() -> Iterator[None]:
    """Within the block ``torch.load`` takes tensors and mmengine's log history.

    On both stacks: mmengine 0.10.7 cannot resume under torch >= 2.6 without
    the history's classes, and onedl-mmengine would fall back to an unsafe
    load. Nothing is changed outside the block.
    """
    before = os.environ.get(_FORCE_SAFE)
    os.environ[_FORCE_SAFE] = '1'
    try:
        with torch.serialization.safe_globals(_history_globals()):
            yield
    finally:
        if before is None:
            del os.environ[_FORCE_SAFE]
        else:
            os.environ[_FORCE_SAFE] = before


def load_state_dict(path: str | Path) -> dict[str, Tensor]:
    """The weights in a checkpoint, on the CPU.

    Args:
        path (str | Path): A file of mmengine's (with ``state_dict``) or a
            plain state dict.

    Returns:
        dict[str, Tensor]: The state dict.

    Raises:
        CTError: If there is no such file, it is damaged, it holds anything
            that would have to be executed, or it holds no weights.
    """
    if not Path(path).is_file():
        raise CTError(f'checkpoint {path} does not exist')
    try:
        with safe_loading():
            checkpoint = torch.load(path, map_location='cpu', weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError) as error:
        reason = (str(error).strip() or 'it is empty').splitlines()[0]
        raise CTError(
            f'checkpoint {path} is damaged or holds more than weights, '
            f'it was not loaded: {reason}'
        ) from error
    weights = checkpoint
    if isinstance(checkpoint, dict) and 'state_dict' in checkpoint:
        weights = checkpoint['state_dict']
    if not (
        isinstance(weights, dict)
        and weights
        and all(isinstance(value, Tensor) for value in weights.values())
    ):
        raise CTError(f'checkpoint {path} holds no weights (no state_dict of tensors)')
    return weights


def write_whole(path: Path, write: Callable[[Path], Any]) -> None:
    """Write a file under a temporary name and move it into place.

    Args:
        path (Path): The final name.
        write (Callable): Gets the temporary name and writes the file.
    """
    temporary = path.with_name(f'{path.name}.{os.getpid()}.tmp')
    try:
        write(temporary)
        with temporary.open('rb') as file:
            os.fsync(file.fileno())
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def write_json(path: Path, value: Any) -> None:
    """Write a JSON file, whole or not at all.

    Args:
        path (Path): The file.
        value: Anything that JSON can hold.
    """
    text = json.dumps(value, indent=2) + '\n'
    write_whole(path, lambda temporary: temporary.write_text(text, encoding='utf-8'))
