_base_ = [
    './_base_/models/densenet_bc100.py',
    './_base_/datasets/cifar10_augmix.py',
    './_base_/schedules/augmix_200e.py',
    './_base_/mmct.py',
    'mmpretrain::_base_/default_runtime.py',
]
optim_wrapper = dict(optimizer=dict(weight_decay=1e-4))
