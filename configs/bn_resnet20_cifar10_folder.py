_base_ = './bn_resnet18_cifar10_folder.py'
# He et al.'s network and batch, a sixth of their epochs; scales and shifts do not decay.
model = dict(
    backbone=dict(_delete_=True, type='ResNetCIFAR', depth=20), head=dict(in_channels=64)
)
optim_wrapper = dict(
    optimizer=dict(_delete_=True, type='SGD', lr=0.1, momentum=0.9, weight_decay=5e-4,
                   nesterov=True),
    paramwise_cfg=dict(flat_decay_mult=0.0),
)  # fmt: skip
param_scheduler = [
    dict(type='LinearLR', start_factor=0.1, begin=0, end=2, convert_to_iter_based=True),
    dict(type='CosineAnnealingLR', begin=2, end=30, T_max=28, convert_to_iter_based=True),
]
train_cfg = dict(max_epochs=30, val_interval=30)
default_hooks = dict(
    checkpoint=dict(max_keep_ckpts=1), channels_last=dict(type='ChannelsLastHook')
)
randomness = dict(seed=0)
