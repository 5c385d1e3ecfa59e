_base_ = [
    './_base_/models/wrn28_10.py',
    './_base_/datasets/cifar10_augmix.py',
    './_base_/schedules/augmix_100e.py',
    './_base_/mmct.py',
    'mmpretrain::_base_/default_runtime.py',
]
