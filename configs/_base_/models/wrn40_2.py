# AugMix's WRN: 2.2 M parameters, https://arxiv.org/abs/1605.07146 table 4.
model = dict(
    type='ImageClassifier',
    backbone=dict(type='WideResNet', depth=40, widen_factor=2),
    neck=dict(type='GlobalAveragePooling'),
    head=dict(
        type='LinearClsHead',
        num_classes=10,
        in_channels=128,
        loss=dict(type='CrossEntropyLoss', loss_weight=1.0),
    ),
)
