"""The learning rate of a run that is about to start."""

from mmengine.runner import Runner


def scale_learning_rate(runner: Runner, factor: float) -> None:
    """Multiply a run's learning rate from its first step to its last.

    Warm-up and decay keep their form. An ``eta_min`` is a rate of its own and stays. The
    checkpoints of the run hold what is changed here: one that goes on must not be
    scaled again.

    Args:
        runner (Runner): Before its first step, with optimizer and schedulers.
        factor (float): Above 0.
    """
    # A schedule goes on from the group's own value; some also look up its first,
    # largest or smallest one.
    for group in runner.optim_wrapper.param_groups:
        for name in ('lr', 'initial_lr', 'max_lr', 'min_lr'):
            if name in group:
                group[name] *= factor
    for scheduler in runner.param_schedulers or []:
        if scheduler.param_name == 'lr':
            scheduler.base_values = [value * factor for value in scheduler.base_values]
