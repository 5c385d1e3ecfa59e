# PACS shrunk to 64 px, for a CPU: a quarter of ResNet-18's width, from scratch.
_base_ = './erm_resnet50_vlcs.py'
model = dict(
    backbone=dict(
        depth=18, stem_channels=16, base_channels=16, init_cfg=None
    ),
    head=dict(num_classes=7, in_channels=128),
)
data_preprocessor = dict(num_classes=7)
load, crop, *rest = _base_.train_pipeline
train_pipeline = [load, {**crop, 'scale': 64}, *rest]
test_pipeline = [load, dict(type='Resize', scale=(64, 64), backend='pillow'), _base_.pack]
pacs = dict(type='PACS', data_root='data/PACS')
train_dataloader = dict(
    num_workers=1, dataset=dict(left_out='sketch', pipeline=train_pipeline, **pacs)
)
val_dataloader = dict(
    num_workers=1, dataset=dict(left_out='sketch', pipeline=test_pipeline, **pacs)
)
test_dataloader = dict(
    num_workers=1, dataset=dict(domains='sketch', pipeline=test_pipeline, **pacs)
)
# A CPU is faster so.
default_hooks = dict(channels_last=dict(type='ChannelsLastHook'))
optim_wrapper = dict(optimizer=dict(lr=1e-3))
# So long that images of the domains that it learns from are distinguished, for the most part.
param_scheduler = [dict(type='CosineAnnealingLR', T_max=4000, by_epoch=False)]
train_cfg = dict(max_iters=4000)
