# The start of the narrow network on PACS: CIFAR-10 in 64 x 64 pixels, as DomainBed starts from
# ImageNet. 20 minutes of one CPU core with bfloat16 (--amp).
_base_ = '../bn_resnet20_cifar10_folder.py'
model = dict(
    backbone=dict(
        _delete_=True, type='ResNet', depth=18, stem_channels=16, base_channels=16
    ),
    head=dict(in_channels=128),
)
# What PACS passes through (../_base_/datasets/domains.py).
data_preprocessor = dict(mean=[123.675, 116.28, 103.53], std=[58.395, 57.12, 57.375])
larger = dict(type='Resize', scale=(64, 64), backend='pillow')
*train_views, pack = _base_.train_pipeline
train_pipeline = [*train_views, larger, pack]
*test_views, pack = _base_.test_pipeline
test_pipeline = [*test_views, larger, pack]
train_dataloader = dict(num_workers=1, dataset=dict(pipeline=train_pipeline))
val_dataloader = dict(num_workers=1, dataset=dict(pipeline=test_pipeline))
test_dataloader = val_dataloader
param_scheduler = [
    dict(type='LinearLR', start_factor=0.1, begin=0, end=1, convert_to_iter_based=True),
    dict(type='CosineAnnealingLR', begin=1, end=20, T_max=19, convert_to_iter_based=True),
]
train_cfg = dict(max_epochs=20, val_interval=20)
