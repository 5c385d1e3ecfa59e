"""What can be resumed."""

from collections.abc import Mapping
from typing import Any

from mmengine.runner import BaseLoop, Runner

from .checkpoint import check_fits, refuse_code
from .errors import CTError
from .teacher_training import unwrapped


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
    """Whether a loop counts iterations and reads epoch after epoch.

    Args:
        loop (BaseLoop): A training loop.

    Returns:
        bool: Whether it is mmengine's ``IterBasedTrainLoop`` or one like it.
    """
    return hasattr(loop, 'dataloader_iterator')
