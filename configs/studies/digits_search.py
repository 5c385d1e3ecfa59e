# Which recipe of CT is best on the digits: chosen on training images that no network learns
# from, under the four corruptions that no benchmark contains. The rule, written down before
# any of these networks was trained, and what came out: docs/recipe.md
_base_ = [
    '../_base_/studies/recipes.py',
    '../_base_/studies/held_out.py',
    '../_base_/studies/digits_schedule.py',
]
studies = __import__('importlib').import_module('mmct.studies')
arms = studies.compared_arms(
    '{{ fileDirname }}/../_base_/studies/digits_part.py',
    {'digits': dict()},
    {**_base_.networks, **_base_.recipes},
    teacher=_base_.free_rate,
)
common = dict(train_cfg=dict(val_interval=100), default_hooks=dict(checkpoint=dict(interval=15)))
seeds = 3
