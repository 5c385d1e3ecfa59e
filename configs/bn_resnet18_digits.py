_base_ = [
    'mmpretrain::_base_/models/resnet18_cifar.py',
    './_base_/datasets/digits.py',
    './_base_/schedules/digits.py',
    'mmpretrain::_base_/default_runtime.py',
    './_base_/mmct.py',
]
# An eighth of the usual width: the images are of 8x8 pixels.
model = dict(backbone=dict(stem_channels=8, base_channels=8), head=dict(in_channels=64))
default_hooks = dict(
    logger=dict(interval=10), checkpoint=dict(max_keep_ckpts=1)
)
randomness = dict(seed=0)
# In so few epochs AdamW trains a network without BN better than SGD does.
teacher_optimizer = dict(type='AdamW', lr=4e-3, weight_decay=0.05)
ct_teacher = dict(optimizer=teacher_optimizer)
