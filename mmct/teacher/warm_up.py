"""Check that a training is longer than its warm-up, in which the learning rate still rises."""

from collections.abc import Mapping
from typing import Any

from mmengine.config import Config

from mmct.messages import counted
from mmct.runs.configs import length_key, type_name
from mmct.runs.identity import schedulers_of

# A training must be longer than its warm-up by more than this factor.
_ENOUGH = 2
# mmengine's own default of `start_factor` and `factor`.
_THIRD = 1 / 3


def too_short(cfg: Config, epoch_length: int) -> str:
    """Describe a training that is too short for its warm-up.

    Args:
        cfg (Config): Config of the training.
        epoch_length (int): Number of iterations per epoch.

    Returns:
        str: A message with both lengths; '' if the training is more than twice as long as its
        warm-up, or has no warm-up.
    """
    key = length_key(cfg)
    by_epoch = key == 'max_epochs'
    length = cfg.train_cfg[key]
    ends = (_end(each, by_epoch, epoch_length) for each in schedulers_of(cfg))
    warm_up = max(ends, default=0)
    if not warm_up or length > _ENOUGH * warm_up:
        return ''
    shown = round(min(warm_up, length), 1)
    trained = counted(length, *(('epoch', 'epochs') if by_epoch else ('iteration', 'iterations')))
    part = 'all' if shown >= length else f'{shown:g}'
    return f'its training is too short for its warm-up: {trained}, {part} of them warm-up'


def _end(scheduler: Mapping[str, Any], by_epoch: bool, epoch_length: int) -> float:
    """Return the end of a scheduler's warm-up, in epochs or iterations; 0 if it has none."""
    rises = dict(
        LinearLR=scheduler.get('start_factor', _THIRD) < scheduler.get('end_factor', 1.0),
        ConstantLR=scheduler.get('factor', _THIRD) < 1,
        QuadraticWarmupLR=True,
    )
    end = scheduler.get('end')
    if end is None or not rises.get(type_name(scheduler)):
        return 0
    counts_epochs = scheduler.get('by_epoch', True)
    if counts_epochs == by_epoch:
        return end
    return end / epoch_length if by_epoch else end * epoch_length
