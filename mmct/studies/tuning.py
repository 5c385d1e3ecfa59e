"""Choosing settings on images that are neither trained nor tested on."""

import math
from collections.abc import Mapping, Sequence

from mmct.runs.errors import CTError

HELD_OUT = 'validation'
TRIAL_SCORES = {HELD_OUT: dict(type='ValidationError')}
"""What is measured of a trial: the error on ``val_dataloader``."""


def choose(arm: str, results: Sequence[Mapping | None]) -> int | None:
    """The trial with the smallest validation error.

    Args:
        arm (str): Whose they are, for messages.
        results (Sequence[Mapping | None]): Of the trials; None is not known yet.

    Returns:
        int: Its number, the first of equal ones; None if not all are known.

    Raises:
        CTError: If all of them diverged.
    """
    errors = []
    for result in results:
        if result is None:
            return None
        if result['diverged'] is not None:
            errors.append(math.inf)
        elif HELD_OUT in result['scores']:
            errors.append(result['scores'][HELD_OUT]['value']['error_pct'])
        else:
            return None
    if not math.isfinite(min(errors)):
        raise CTError(f'arm {arm!r}: training diverged with all {len(errors)} points of its tuning')
    return errors.index(min(errors))
