"""Checkpoints: resumed from, and written whole."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mmengine.fileio import LocalBackend, register_backend
from mmengine.runner import BaseLoop, Runner, find_latest_checkpoint

from .errors import CTError
from .files import write_bytes
from .ranks import unwrapped
from .weights import check_fits, is_url, safe_loading


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
