"""Weights from files: read without running their code, and compared with a network's.

Without an mm stack, too.
"""

import os
import pickle
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from .errors import CTError, one_line

# What torch says before and after what it found.
_ADVICE = ('Weights only load failed', '(1)', '(2)', 'Check the documentation')
# Of other kinds the text is a key or a number.
_SAY_WHAT = ('BadZipFile', 'SafetensorError')
_FORCE_SAFE = 'TORCH_FORCE_WEIGHTS_ONLY_LOAD'


def _history_globals() -> list:
    """All that mmengine's ``HistoryBuffer`` pickles to; nothing where there is no mm stack."""
    try:
        from mmengine.logging import HistoryBuffer
    except ImportError:
        return []
    core = np._core if hasattr(np, '_core') else np.core
    dtypes = [type(np.dtype(t)) for t in (np.float64, np.float32, np.int64, np.uint32)]
    return [
        HistoryBuffer,
        (_statistic, 'builtins.getattr'),
        core.multiarray._reconstruct,
        core.multiarray.scalar,
        np.ndarray,
        np.dtype,
        *dtypes,
    ]


def _statistic(owner: Any, name: str) -> Any:
    """Look up a history's own statistics, all that it needs of ``getattr``."""
    from mmengine.logging import HistoryBuffer

    if owner is not HistoryBuffer or name.startswith('_'):
        raise pickle.UnpicklingError(f'it asks for {name} of {owner}')
    return getattr(owner, name)


@contextmanager
def safe_loading() -> Iterator[None]:
    """Within the block ``torch.load`` takes tensors and mmengine's log history.

    On both stacks: mmengine 0.10.7 cannot resume under torch >= 2.6 without
    the history's classes, and onedl-mmengine would fall back to an unsafe
    load. Nothing is changed outside the block.
    """
    forced, allowed = os.environ.get(_FORCE_SAFE), torch.serialization.get_safe_globals()
    os.environ[_FORCE_SAFE] = '1'
    # At each beginning: onedl-mmengine takes some away after each load.
    torch.serialization.add_safe_globals(_history_globals())
    try:
        yield
    finally:
        os.environ.pop(_FORCE_SAFE)
        if forced is not None:
            os.environ[_FORCE_SAFE] = forced
        torch.serialization.clear_safe_globals()
        torch.serialization.add_safe_globals(allowed)


def load(path: str | Path) -> Any:
    """Load a checkpoint onto the CPU; nothing in it is executed.

    Args:
        path (str | Path): A file of torch's, or weights as ``.safetensors``; or any URL that
            mmengine reads, such as ``https://...``, ``torchvision://...`` or ``s3://...``.

    Returns:
        Any: Its content.

    Raises:
        CTError: If there is no such file, it is damaged, or it holds anything
            that would have to be executed.
    """
    if not is_url(path) and not Path(path).is_file():
        raise CTError(f'checkpoint {path} does not exist')
    try:
        with safe_loading():
            if is_url(path):
                from mmengine.runner import CheckpointLoader

                return CheckpointLoader.load_checkpoint(str(path), map_location='cpu')
            if Path(path).suffix == '.safetensors':
                from safetensors.torch import load_file

                return load_file(path)
            _check_sums(path)
            return torch.load(path, map_location='cpu', weights_only=True)
    # What is wrong in a pickle, a zip file or at the other end of a line shows as anything.
    except Exception as error:
        if is_url(path) and isinstance(error, (OSError, ImportError, KeyError)):
            raise CTError(f'checkpoint {path} cannot be had: {one_line(error)}') from error
        raise CTError(
            f'checkpoint {path} is damaged or holds more than weights, '
            f'it was not loaded: {reason(error)}'
        ) from error


def is_url(path: str | Path) -> bool:
    """Tell if a checkpoint is elsewhere than in a local file."""
    return '://' in str(path)


def _check_sums(path: str | Path) -> None:
    """Refuse a file whose parts are not what was written; torch does not look."""
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as file:
            damaged = file.testzip()
        if damaged is not None:
            raise zipfile.BadZipFile(f'the checksum of {damaged} is wrong')


def reason(error: Exception) -> str:
    """Say why a file was not loaded, in one line.

    Args:
        error (Exception): What ``torch.load`` raised.

    Returns:
        str: What it found, without its advice to load the file all the same.
    """
    known = isinstance(error, (pickle.UnpicklingError, RuntimeError, EOFError))
    if not known and type(error).__name__ not in _SAY_WHAT:
        return f'its content makes no sense ({type(error).__name__}: {one_line(error)})'
    lines = [line.strip() for line in str(error).splitlines()]
    found = [
        line.rpartition('WeightsUnpickler error:')[2].strip()
        for line in lines
        if not line.startswith(_ADVICE)
    ]
    found = [line.split('. Please use')[0] for line in found if line]
    return (found or ['it is empty'])[0]


def load_state_dict(path: str | Path) -> dict[str, Tensor]:
    """The weights in a checkpoint, on the CPU.

    Args:
        path (str | Path): A file of mmengine's (with ``state_dict``) or a
            plain state dict, as torch's file or as ``.safetensors``.

    Returns:
        dict[str, Tensor]: The state dict, by the names that the model itself gives: without the
        ``module.`` of distributed training.

    Raises:
        CTError: If :func:`load` refuses the file, or it holds no weights.
    """
    checkpoint = load(path)
    weights = checkpoint
    if isinstance(checkpoint, dict) and 'state_dict' in checkpoint:
        weights = checkpoint['state_dict']
    if not (
        isinstance(weights, dict)
        and weights
        and all(isinstance(n, str) and isinstance(w, Tensor) for n, w in weights.items())
    ):
        raise CTError(f'checkpoint {path} holds no weights (no state_dict of tensors)')
    return {name.removeprefix('module.'): value for name, value in weights.items()}


def check_fits(source: str, weights: dict[str, Tensor], model: nn.Module) -> None:
    """Refuse weights that lack some of the model's.

    mmengine would only log what is missing and leave it at random.

    Args:
        source (str): Where they are from, for the message.
        weights (dict[str, Tensor]): A state dict.
        model (nn.Module): The model.

    Raises:
        CTError: Names the first parameter.
    """
    found = {name.removeprefix('module.'): w for name, w in weights.items()}
    wrong = [
        name
        for name, value in model.state_dict().items()
        # Not needed, or of standardised weights, which are computed where they are missing.
        if not name.endswith(('num_batches_tracked', 'weight_gain'))
        and (name not in found or found[name].shape != value.shape)
    ]
    if wrong:
        raise CTError(
            f'{source} does not fit the model: {len(wrong)} weights are missing or of '
            f'another shape, the first is {wrong[0]}; give the config that it was '
            'trained with'
        )


def check_some_fit(source: str, weights: dict[str, Tensor], model: nn.Module) -> None:
    """Refuse weights to start from of which the model has none.

    mmengine would only log that, and train from random ones.

    Args:
        source (str): Where they are from, for the message.
        weights (dict[str, Tensor]): A state dict.
        model (nn.Module): The model.

    Raises:
        CTError: Names the first weights, and the model's.
    """
    own = {name: value.shape for name, value in model.state_dict().items() if value.dim()}
    if not any(own.get(name) == value.shape for name, value in weights.items()):
        raise CTError(
            f'{source} does not fit the model: not one of its {len(weights)} weights has the name '
            f'and shape of one of the model; it has {_first(weights)}, the model {_first(own)}'
        )


def _first(names: Mapping[str, Any]) -> str:
    return ', '.join(list(names)[:3]) + (', ...' if len(names) > 3 else '')
