_base_ = [
    './_base_/models/wrn28_10.py',
    './_base_/datasets/cifar100_augmix.py',
    './_base_/schedules/augmix_100e.py',
    './_base_/mmct.py',
    'mmpretrain::_base_/default_runtime.py',
]
model = dict(head=dict(num_classes=100))
