# ResNeXt-29 (4x32d) of AugMix's code: 6.9 M parameters with 100 classes.
model = dict(
    type='ImageClassifier',
    backbone=dict(type='ResNeXtCIFAR', depth=29, groups=4, width_per_group=32),
    neck=dict(type='GlobalAveragePooling'),
    head=dict(
        type='LinearClsHead',
        num_classes=10,
        in_channels=1024,
        loss=dict(type='CrossEntropyLoss', loss_weight=1.0),
    ),
)
