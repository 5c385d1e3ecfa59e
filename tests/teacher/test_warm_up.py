"""A training that is hardly longer than its warm-up says so."""

import pytest
from mmengine.config import Config

from mmct.teacher.warm_up import too_short

DIGITS = [
    dict(type='LinearLR', start_factor=0.1, begin=0, end=2, convert_to_iter_based=True),
    dict(type='CosineAnnealingLR', begin=2, end=15, T_max=13),
]
IN_ITERATIONS = dict(type='LinearLR', start_factor=0.1, by_epoch=False, end=25)


@pytest.mark.parametrize(
    ('length', 'schedulers', 'said'),
    [
        (dict(max_epochs=1), DIGITS, '1 epoch, all of them warm-up'),
        (dict(max_epochs=4), DIGITS, '4 epochs, 2 of them warm-up'),
        (dict(max_epochs=5), DIGITS, ''),
        (dict(max_epochs=5), IN_ITERATIONS, '5 epochs, 2.5 of them warm-up'),
        (dict(max_iters=40), DIGITS, '40 iterations, 20 of them warm-up'),
        (dict(max_iters=51), [IN_ITERATIONS], ''),
        # It falls, or has no end.
        (dict(max_epochs=1), dict(type='LinearLR', start_factor=1.0, end_factor=0.1, end=2), ''),
        (dict(max_epochs=1), dict(type='ConstantLR', factor=0.1), ''),
        (dict(max_epochs=1), None, ''),
    ],
)
def test_lengths_are_compared_in_one_unit(length, schedulers, said):
    found = too_short(Config(dict(train_cfg=length, param_scheduler=schedulers)), epoch_length=10)
    assert found.endswith(said) and bool(found) is bool(said)
