"""Read weights from files without executing code, and compare them with those of a network.

This works with or without an mm stack.
"""

import io
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

from mmct.messages import absent

from .errors import CTError, one_line
from .files import write_bytes

# Beginnings of lines with advice in torch's message.
_ADVICE = ('Weights only load failed', '(1)', '(2)', 'Check the documentation')
# Errors with a helpful text; that of others may be a mere key or number.
_SAY_WHAT = ('BadZipFile', 'SafetensorError')
# End of the names of the gains of standardised weights.
_GAIN = 'weight_gain'
_FORCE_SAFE = 'TORCH_FORCE_WEIGHTS_ONLY_LOAD'


def _history_globals() -> list:
    """List the objects in a pickle of mmengine's ``HistoryBuffer``; none without an mm stack."""
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
    """Look up the statistics of a history, which is all that its pickle needs from ``getattr``."""
    from mmengine.logging import HistoryBuffer

    if owner is not HistoryBuffer or name.startswith('_'):
        raise pickle.UnpicklingError(f'it asks for {name} of {owner}')
    return getattr(owner, name)


@contextmanager
def safe_loading() -> Iterator[None]:
    """Restrict ``torch.load`` in the block to tensors and mmengine's log history.

    Both stacks need this: mmengine 0.10.7 cannot resume under torch >= 2.6
    without the classes of the history, and onedl-mmengine would fall back to
    unsafe loading. Nothing changes outside the block.
    """
    forced, allowed = os.environ.get(_FORCE_SAFE), torch.serialization.get_safe_globals()
    os.environ[_FORCE_SAFE] = '1'
    # Added each time, as onedl-mmengine removes some after each load.
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
    """Load a checkpoint onto the CPU without executing any of its content.

    Args:
        path (str | Path): A torch file, a ``.safetensors`` file, or any URL that mmengine
            reads, such as ``https://...``, ``torchvision://...`` or ``s3://...``.

    Returns:
        Any: The content of the checkpoint.

    Raises:
        CTError: If the file does not exist, is damaged, or contains anything that would
            have to be executed.
    """
    if not is_url(path) and not Path(path).is_file():
        raise CTError(f'checkpoint {absent(path)}')
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
    # A damaged pickle or zip file and a failed connection can raise anything.
    except Exception as error:
        if is_url(path) and isinstance(error, (OSError, ImportError, KeyError)):
            raise CTError(f'checkpoint {path} cannot be fetched: {one_line(error)}') from error
        raise CTError(
            f'checkpoint {path} is damaged or holds more than weights, '
            f'so it was not loaded: {reason(error)}'
        ) from error


def is_url(path: str | Path) -> bool:
    """Check whether a checkpoint is given as a URL rather than a local file."""
    return '://' in str(path)


def _check_sums(path: str | Path) -> None:
    """Refuse a file with wrong checksums, which torch does not check."""
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as file:
            damaged = file.testzip()
        if damaged is not None:
            raise zipfile.BadZipFile(f'the checksum of {damaged} is wrong')


def reason(error: Exception) -> str:
    """Explain in one line why a file was not loaded.

    Args:
        error (Exception): The error of ``torch.load``.

    Returns:
        str: The cause, without torch's advice to load the file anyway.
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
    """Load the weights in a checkpoint onto the CPU.

    Args:
        path (str | Path): A checkpoint of mmengine (with ``state_dict``) or a
            plain state dict, as a torch file or as ``.safetensors``.

    Returns:
        dict[str, Tensor]: The state dict, with the names of the model itself, without the
        ``module.`` of distributed training.

    Raises:
        CTError: If :func:`load` refuses the file, or it contains no weights.
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


def save(path: Path, weights: Mapping[str, Tensor]) -> None:
    """Write weights under a temporary name and move them into place.

    Args:
        path (Path): The final name.
        weights (Mapping[str, Tensor]): A state dict.

    Raises:
        CTError: If the file cannot be written; an existing file is then unchanged.
    """
    # Not straight into a file: on a full disk torch does not say what is wrong.
    content = io.BytesIO()
    torch.save(weights, content)
    write_bytes(path, content.getvalue())


def check_fits(source: str, weights: dict[str, Tensor], model: nn.Module) -> None:
    """Refuse weights that lack some of the model's weights.

    mmengine would only log missing weights and leave them random.

    Args:
        source (str): Origin of the weights, for the message.
        weights (dict[str, Tensor]): A state dict.
        model (nn.Module): The model.

    Raises:
        CTError: If weights are missing or have another shape; the message names the first.
    """
    found = {name.removeprefix('module.'): w for name, w in weights.items()}
    _check_standardised(source, found, model)
    if not are_folded(found, model):
        raise CTError(
            f'{source} has plain weights, which the model would standardise and so change: set '
            'model.weight_standardisation=False, or give the config with which it was trained'
        )
    wrong = [
        name
        for name, value in model.state_dict().items()
        # Not needed, or a gain of standardised weights, which is computed if it is missing.
        if not name.endswith(('num_batches_tracked', _GAIN))
        and (name not in found or found[name].shape != value.shape)
    ]
    if wrong:
        raise CTError(
            f'{source} does not fit the model: {len(wrong)} weights are missing or have '
            f'another shape, the first is {wrong[0]}; give the config with which it was trained'
        )


def check_some_fit(source: str, weights: dict[str, Tensor], model: nn.Module) -> None:
    """Refuse initial weights of which none fits the model.

    mmengine would only log this, and train from random weights.

    Args:
        source (str): Origin of the weights, for the message.
        weights (dict[str, Tensor]): A state dict.
        model (nn.Module): The model.

    Raises:
        CTError: If none fits; the message names the first weights of both.
    """
    _check_standardised(source, weights, model)
    own = {name: value.shape for name, value in model.state_dict().items() if value.dim()}
    if not any(own.get(name) == value.shape for name, value in weights.items()):
        hint = ''
        if any(own.get(f'backbone.{name}') == value.shape for name, value in weights.items()):
            hint = (
                "; its names are the backbone's, so set model.backbone.init_cfg=dict(type="
                "'Pretrained', checkpoint=FILE) in place of load_from"
            )
        raise CTError(
            f'{source} does not fit the model: none of its {len(weights)} weights has the name '
            f'and shape of one of the model; it has {_first(weights)}, the model '
            f'{_first(own)}{hint}'
        )


def _check_standardised(source: str, weights: dict[str, Tensor], model: nn.Module) -> None:
    """Refuse standardised weights for plain convolutions, which would use them as they are."""
    if any(name.endswith(_GAIN) for name in weights.keys() - model.state_dict().keys()):
        with_bn = any(name.endswith('running_var') for name in weights)
        kind = 'StandardisedClassifier or CTClassifier' if with_bn else 'NormFreeClassifier'
        raise CTError(
            f'{source} has standardised weights, but the model does not standardise them: make '
            f'it a {kind} with weight_standardisation=True, or give folded weights '
            '(mmct.models.fold_weights), as teacher.pth has'
        )


def are_folded(weights: Mapping[str, Tensor], model: nn.Module) -> bool:
    """Check that weights without gains compute in standardised convolutions what they did.

    Args:
        weights (Mapping[str, Tensor]): A state dict.
        model (nn.Module): The network that is to load it.

    Returns:
        bool: True also if the network standardises no weights.
    """
    names = [name for name in model.state_dict() if name.endswith(_GAIN)]
    for name in names:
        weight = weights.get(f'{name.removesuffix(_GAIN)}weight')
        if name in weights or weight is None:
            continue
        filters = weight.float().flatten(1)
        if (filters.mean(1).abs() > 1e-2 * filters.std(1, correction=0)).any():
            return False
    return True


def _first(names: Mapping[str, Any]) -> str:
    return ', '.join(list(names)[:3]) + (', ...' if len(names) > 3 else '')
