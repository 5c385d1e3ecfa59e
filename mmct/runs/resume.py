"""Check that a checkpoint can be resumed."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mmengine.runner import BaseLoop, Runner, find_latest_checkpoint

from .checkpoint import check_fits, refuse_code
from .errors import CTError
from .ranks import unwrapped


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
    if not path or '://' in path or Path(path).is_file():
        return path or None
    # The folder may have been moved since.
    moved = Path(work_dir) / Path(path).name
    if named == 'auto' and moved.is_file():
        return str(moved)
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
