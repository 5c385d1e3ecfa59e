"""Checkpoints: read without running their code, resumed from, and written whole."""

import os
import pickle
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmengine.fileio import LocalBackend, register_backend
from mmengine.logging import HistoryBuffer
from mmengine.runner import BaseLoop, CheckpointLoader, Runner, find_latest_checkpoint
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from .errors import CTError, one_line
from .files import write_bytes
from .ranks import unwrapped

# What torch says before and after what it found.
_ADVICE = ('Weights only load failed', '(1)', '(2)', 'Check the documentation')
# Of other kinds the text is a key or a number.
_SAY_WHAT = (zipfile.BadZipFile, SafetensorError)
_FORCE_SAFE = 'TORCH_FORCE_WEIGHTS_ONLY_LOAD'


def _history_globals() -> list:
    """All that mmengine's ``HistoryBuffer`` pickles to."""
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


def load_safely(runner: Runner) -> None:
    """Let a runner initialise, load and resume its weights within :func:`safe_loading`.

    Not from ``before_run`` to ``after_run``: a run that is interrupted never comes there.

    Args:
        runner (Runner): Before it has loaded anything.
    """
    for name in ('_init_model_weights', 'load_or_resume'):
        # Two hooks may ask for it.
        if name not in vars(runner):
            setattr(runner, name, safe_loading()(getattr(runner, name)))


def refuse_code(checkpoint: Any) -> None:
    """Refuse a checkpoint of which mmengine would execute a part on resume.

    ``Runner.resume`` runs the text in ``meta.config``, an entry that no
    mmengine of today writes.

    Args:
        checkpoint: What a file held.

    Raises:
        CTError: If there is such an entry.
    """
    if 'config' in checkpoint.get('meta', {}):
        raise CTError('the checkpoint to resume holds code in meta.config: refused')


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
                return CheckpointLoader.load_checkpoint(str(path), map_location='cpu')
            if Path(path).suffix == '.safetensors':
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
    """Why a file was not loaded, in one line.

    Args:
        error (Exception): What ``torch.load`` raised.

    Returns:
        str: What it found, without its advice to load the file all the same.
    """
    if not isinstance(error, (pickle.UnpicklingError, RuntimeError, EOFError, *_SAY_WHAT)):
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


def checkpoint_to_resume(work_dir: str, named: str) -> str | None:
    """The checkpoint with which ``--resume`` goes on.

    Args:
        work_dir (str): The run's folder.
        named (str): A file, or 'auto' for the last one in the folder.

    Returns:
        str: Its path; None if it is 'auto' and none was saved yet.

    Raises:
        CTError: If the file does not exist.
    """
    path = named if named != 'auto' else find_latest_checkpoint(work_dir)
    if path == '':
        others = other_checkpoints(path, work_dir)
        raise CTError(f'{work_dir}/last_checkpoint is empty: remove it to start anew{others}')
    if path and named == 'auto':
        # The folder may have been moved since, or be a copy of another.
        own = Path(work_dir) / Path(path).name
        path = str(own) if own.is_file() else path
    if not path or is_url(path) or Path(path).is_file():
        return path or None
    raise CTError(f'checkpoint {path} does not exist{other_checkpoints(path, work_dir)}')


def check_resumable(checkpoint: Any, runner: Runner) -> None:
    """Refuse what is no checkpoint of a run with this runner's network.

    mmengine would load the weights that fit and leave the others at random.

    Args:
        checkpoint: What a file held.
        runner (Runner): Holds the model.

    Raises:
        CTError: Says what is wrong.
    """
    meta = checkpoint.get('meta') if isinstance(checkpoint, Mapping) else None
    steps = meta if isinstance(meta, Mapping) else {}
    if not (
        isinstance(steps.get('iter'), int)
        and isinstance(steps.get('epoch'), int)
        and {'state_dict', 'message_hub', 'optimizer'} <= checkpoint.keys()
    ):
        raise CTError(
            'the checkpoint to resume is not one of a training run (it lacks progress '
            'or optimizer): to start from its weights use --cfg-options load_from=FILE'
        )
    refuse_code(checkpoint)
    check_fits('the checkpoint to resume', checkpoint['state_dict'], unwrapped(runner))
    loop = runner.train_loop
    length = len(loop.dataloader)
    if not is_endless(loop) and steps['iter'] % length:
        runner.logger.warning(
            f'The checkpoint was saved inside an epoch (iteration {steps["iter"]}, '
            f'{length} an epoch): epoch-based training begins the epoch again'
        )


def is_endless(loop: BaseLoop) -> bool:
    """Tell if a loop counts iterations and reads epoch after epoch.

    Args:
        loop (BaseLoop): A training loop.

    Returns:
        bool: Whether it is mmengine's ``IterBasedTrainLoop`` or one like it.
    """
    return hasattr(loop, 'dataloader_iterator')


def other_checkpoints(path: str, work_dir: str) -> str:
    """Name the checkpoints to go on with instead.

    Args:
        path (str): The checkpoint.
        work_dir (str): The run's folder.

    Returns:
        str: The end of a message; empty if there are no others.
    """
    names = sorted(p.name for p in Path(work_dir).glob('*.pth') if p != Path(path))
    return f'; {work_dir} has {", ".join(names)}, see --resume FILE' if names else ''


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
        write_bytes(Path(filepath), obj)

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
