# AllConvNet with BN and GELU: 1.4 M parameters, https://arxiv.org/abs/1412.6806.
model = dict(
    type='ImageClassifier',
    backbone=dict(type='AllConvNet'),
    neck=dict(type='GlobalAveragePooling'),
    head=dict(
        type='LinearClsHead',
        num_classes=10,
        in_channels=192,
        loss=dict(type='CrossEntropyLoss', loss_weight=1.0),
    ),
)
