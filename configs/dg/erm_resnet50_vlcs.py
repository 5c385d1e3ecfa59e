# DomainBed's protocol: a pretrained ResNet-50. Its published rows have frozen BN statistics,
# `--cfg-options model.backbone.norm_eval=True`; with these BN would be no other than what a
# teacher without BN has, so they are live here, as in its code today.
_base_ = [
    'mmpretrain::_base_/models/resnet50.py',
    '../_base_/datasets/domains.py',
    '../_base_/schedules/domainbed.py',
    '../_base_/mmct.py',
    'mmpretrain::_base_/default_runtime.py',
]
model = dict(
    backbone=dict(
        norm_eval=False, init_cfg=dict(type='Pretrained', checkpoint='torchvision://resnet50')
    ),
    head=dict(num_classes=5, topk=(1,)),
)
data_preprocessor = dict(num_classes=5)
vlcs = dict(type='VLCS', data_root='data/VLCS')
train_dataloader = dict(dataset=dict(left_out='VOC2007', **vlcs))
val_dataloader = dict(dataset=dict(left_out='VOC2007', **vlcs))
test_dataloader = dict(dataset=dict(domains='VOC2007', **vlcs))
default_hooks = dict(
    logger=dict(interval=100),
    checkpoint=dict(by_epoch=False, interval=300, max_keep_ckpts=1),
)
log_processor = dict(by_epoch=False)
