"""The length of a training."""

from typing import Any

from mmengine.config import Config

# Values of a scheduler that are counted in epochs or iterations.
_TIMES = ('begin', 'end', 'T_max', 'milestones', 'step_size', 'total_steps',
          'total_iters', 'periods')  # fmt: skip
# mmengine's "never ends".
_FOREVER = int(1e9)


def length_key(cfg: Config) -> str:
    """What the length of a training is counted in.

    Args:
        cfg (Config): Of the training.

    Returns:
        str: 'max_epochs' or 'max_iters', the key in ``train_cfg``.
    """
    return 'max_epochs' if 'max_epochs' in cfg.train_cfg else 'max_iters'


def set_length(cfg: Config, length: int) -> None:
    """Change the length of a training, and stretch its whole schedule.

    When it is validated does not change.

    Args:
        cfg (Config): Changed in place.
        length (int): In epochs or iterations, as the config counts.
    """
    key = length_key(cfg)
    ratio = length / cfg.train_cfg[key]
    if ratio == 1:
        return
    cfg.train_cfg[key] = length
    schedulers = cfg.get('param_scheduler') or []
    for scheduler in schedulers if isinstance(schedulers, list) else [schedulers]:
        for name in _TIMES:
            if name in scheduler:
                scheduler[name] = _scaled(scheduler[name], ratio)


def stretch(cfg: Config, times: float) -> None:
    """Train for a multiple of the length, by :func:`set_length`.

    Args:
        cfg (Config): Changed in place.
        times (float): > 0; what comes out is rounded, and at least 1.
    """
    set_length(cfg, max(1, round(times * cfg.train_cfg[length_key(cfg)])))


def _scaled(time: Any, ratio: float) -> Any:
    if isinstance(time, (list, tuple)):
        return [_scaled(value, ratio) for value in time]
    if not time or time >= _FOREVER:
        return time
    return max(1, round(time * ratio))
