_base_ = './bn_resnet18_cifar10_folder.py'
# An eighth of the width and 15 epochs: half an hour on one CPU core.
model = dict(
    backbone=dict(stem_channels=8, base_channels=8), head=dict(in_channels=64)
)
param_scheduler = [
    dict(type='LinearLR', start_factor=0.1, begin=0, end=1, convert_to_iter_based=True),
    dict(type='CosineAnnealingLR', begin=1, end=15, T_max=14, convert_to_iter_based=True),
]
train_cfg = dict(max_epochs=15)
train_dataloader = dict(num_workers=1)
val_dataloader = dict(num_workers=1)
test_dataloader = val_dataloader
default_hooks = dict(checkpoint=dict(max_keep_ckpts=1))
randomness = dict(seed=0)
