"""Tell how long a training took, interruptions left out."""

from mmengine.runner import Runner


def trained_seconds(runner: Runner) -> float | None:
    """Add up the seconds of the steps of a training.

    A resumed run counts the steps before the interruption, too, whose times are in its
    checkpoints. Steps that were lost and done again count once. Validation does not count.

    Args:
        runner (Runner): The runner.

    Returns:
        float: The seconds; None if no hook measured the steps, as mmengine's ``IterTimerHook``
        does by default.
    """
    times = runner.message_hub.log_scalars.get('train/time')
    return None if times is None else float(times.data[0].sum())
