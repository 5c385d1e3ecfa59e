# How to train the teacher on the digits, by the rule that stands with the arms; chosen on
# training images that no network learns from: docs/recipe.md
_base_ = [
    '../_base_/studies/teachers.py',
    '../_base_/studies/held_out.py',
    '../_base_/studies/digits_schedule.py',
]
studies = __import__('importlib').import_module('mmct.studies')
arms = studies.compared_arms(
    '{{ fileDirname }}/../_base_/studies/digits_part.py', {'digits': dict()}, _base_.networks
)
common = dict(train_cfg=dict(val_interval=100))
seeds = 3
