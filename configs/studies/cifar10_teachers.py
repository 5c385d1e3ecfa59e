# How to train the teacher on CIFAR-10, by the rule that stands with the arms, for each network of
# cifar10_table.py; on training images that no network learns from. For a GPU; not run yet.
_base_ = [
    '../_base_/studies/teachers.py',
    '../_base_/studies/held_out.py',
    '../_base_/studies/cifar10_networks.py',
]
studies = __import__('importlib').import_module('mmct.studies')
arms = studies.compared_arms(
    '{{ fileDirname }}/../_base_/studies/cifar10_held_out.py', _base_.families, _base_.networks
)
common = dict(train_cfg=dict(val_interval=100))
seeds = 3
