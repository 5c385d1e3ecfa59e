"""Find and check the checkpoint to resume, and write checkpoints atomically."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mmengine.dist import is_main_process
from mmengine.fileio import LocalBackend, register_backend
from mmengine.runner import BaseLoop, Runner, find_latest_checkpoint

from mmct.messages import of_other_kind

from .errors import CTError
from .files import write_bytes
from .ranks import unwrapped
from .weights import check_fits, is_url, load_state_dict, safe_loading


def load_safely(runner: Runner) -> None:
    """Make a runner initialise, load and resume its weights within :func:`safe_loading`.

    It does not span ``before_run`` to ``after_run``, as an interrupted run never reaches the
    latter.

    Args:
        runner (Runner): A runner that has not loaded anything yet.
    """
    for name in ('_init_model_weights', 'load_or_resume'):
        # Two hooks may call this.
        if name not in vars(runner):
            setattr(runner, name, safe_loading()(getattr(runner, name)))


def refuse_code(checkpoint: Any) -> None:
    """Refuse a checkpoint of which mmengine would execute a part on resume.

    ``Runner.resume`` executes the text in ``meta.config``, an entry that current
    versions of mmengine do not write.

    Args:
        checkpoint (Any): The content of a file.

    Raises:
        CTError: If the checkpoint has such an entry.
    """
    if 'config' in checkpoint.get('meta', {}):
        raise CTError('the checkpoint to resume has code in meta.config and was refused')


def checkpoint_to_resume(work_dir: str, named: str) -> str | None:
    """Find the checkpoint that ``--resume`` continues.

    Args:
        work_dir (str): The folder of the run.
        named (str): A file, or 'auto' for the last checkpoint in the folder.

    Returns:
        str: The path; None for 'auto' if no checkpoint was saved yet.

    Raises:
        CTError: If the file does not exist.
    """
    path = named if named != 'auto' else find_latest_checkpoint(work_dir)
    try:
        return _existing(path, work_dir, move=named == 'auto')
    except CTError as error:
        raise CTError(f'{error}{other_checkpoints(path, work_dir)}') from error


def forget_last_checkpoint(work_dir: str) -> None:
    """Keep ``--resume`` from the checkpoints of an earlier run in the folder; these stay.

    Args:
        work_dir (str): The folder of a run that starts anew.
    """
    if is_main_process():
        (Path(work_dir) / 'last_checkpoint').unlink(missing_ok=True)


def last_checkpoint(work_dir: str, remedy: str) -> str | None:
    """Find and try the last checkpoint of a training inside another command.

    Args:
        work_dir (str): The folder of the training.
        remedy (str): What to do if the checkpoint cannot be used, as ``--resume`` names none there.

    Returns:
        str: The path; None if no checkpoint was saved yet.

    Raises:
        CTError: If the checkpoint does not exist or is damaged.
    """
    try:
        path = _existing(find_latest_checkpoint(work_dir), work_dir, move=True)
        if path is not None:
            load_state_dict(path)
        return path
    except CTError as error:
        raise CTError(f'{error}; {remedy}') from error


def _existing(path: str | None, work_dir: str, move: bool) -> str | None:
    """Return the path of a checkpoint, whose folder may have been moved; refuse a missing one."""
    if path == '':
        raise CTError(f'{work_dir}/last_checkpoint is empty: remove it to start over')
    if path and move:
        # The folder may have been moved, or may be a copy of another.
        own = Path(work_dir) / Path(path).name
        path = str(own) if own.is_file() else path
    if not path or is_url(path) or Path(path).is_file():
        return path or None
    said = of_other_kind(path) if Path(path).exists() else f'{path} does not exist'
    raise CTError(f'checkpoint {said}')


def check_resumable(checkpoint: Any, runner: Runner) -> None:
    """Refuse anything but a checkpoint of a training run with this runner's network.

    mmengine would load matching weights and leave the others random.

    Args:
        checkpoint (Any): The content of a file.
        runner (Runner): The runner with the network.

    Raises:
        CTError: If the checkpoint cannot be resumed; the message says why.
    """
    meta = checkpoint.get('meta') if isinstance(checkpoint, Mapping) else None
    steps = meta if isinstance(meta, Mapping) else {}
    if not (
        isinstance(steps.get('iter'), int)
        and isinstance(steps.get('epoch'), int)
        and {'state_dict', 'message_hub', 'optimizer'} <= checkpoint.keys()
    ):
        raise CTError(
            'the checkpoint to resume is not from a training run (it lacks progress '
            'or optimizer): to start from its weights use --cfg-options load_from=FILE'
        )
    refuse_code(checkpoint)
    check_fits('the checkpoint to resume', checkpoint['state_dict'], unwrapped(runner))


def recount(checkpoint: dict[str, Any], runner: Runner, length: int) -> bool:
    """Count the steps of a checkpoint in epochs as long as those of this run, in place.

    Other numbers of processes, and other batches, make epochs of other lengths; and an epoch that
    was not complete begins again. Iteration-based training is left as it is.

    Args:
        checkpoint (dict): The checkpoint to resume.
        runner (Runner): The runner that resumes it.
        length (int): Iterations per epoch of the run that saved it.

    Returns:
        bool: Whether the schedules in the checkpoint do not fit the epochs of this run.
    """
    loop, meta = runner.train_loop, checkpoint['meta']
    if is_endless(loop):
        return False
    own, whole = len(loop.dataloader), meta['iter'] == meta['epoch'] * length
    if not whole:
        runner.logger.warning(
            f'The checkpoint was saved by iterations (at {meta["iter"]}, {length} per epoch): '
            'epoch-based training restarts the epoch'
        )
    # At iteration 0 a run would take itself for a new one.
    meta['iter'] = meta['epoch'] * own or meta['iter']
    return not whole or length != own


def is_endless(loop: BaseLoop) -> bool:
    """Check whether a loop counts iterations rather than epochs.

    Args:
        loop (BaseLoop): A training loop.

    Returns:
        bool: True for mmengine's ``IterBasedTrainLoop`` and similar loops.
    """
    return hasattr(loop, 'dataloader_iterator')


def other_checkpoints(path: str, work_dir: str) -> str:
    """List the other checkpoints that could be resumed instead.

    Args:
        path (str): The checkpoint that cannot be resumed.
        work_dir (str): The folder of the run.

    Returns:
        str: The end of a message; empty if there are no other checkpoints.
    """
    names = sorted(p.name for p in Path(work_dir).glob('*.pth') if p != Path(path))
    return f'; {work_dir} has {", ".join(names)}, see --resume FILE' if names else ''


class WholeFileBackend(LocalBackend):
    """A backend for local files that writes atomically and removes outdated files on request.

    mmengine's ``CheckpointHook`` removes an old checkpoint before it writes the
    new one; this backend keeps the old one until :meth:`remove_outdated`. Use it
    with ``backend_args=dict(backend='whole_file')``, as
    :class:`mmct.engine.ResumableCheckpointHook` does.
    """

    def __init__(self) -> None:
        super().__init__()
        self._outdated: list[str | Path] = []

    def put(self, obj: bytes, filepath: str | Path) -> None:
        """Write a file under a temporary name and move it into place.

        Args:
            obj (bytes): The content of the file.
            filepath (str | Path): The file.

        Raises:
            CTError: If the file cannot be written; nothing is lost then.
        """
        write_bytes(Path(filepath), obj)

    def remove(self, filepath: str | Path) -> None:
        """Mark a file as outdated.

        Args:
            filepath (str | Path): The file.
        """
        self._outdated.append(filepath)

    def remove_outdated(self) -> None:
        """Remove the outdated files."""
        while self._outdated:
            Path(self._outdated.pop()).unlink(missing_ok=True)


# `force`, as tests reload this module.
register_backend('whole_file', WholeFileBackend, force=True)
