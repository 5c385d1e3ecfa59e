# DenseNet-BC (L=100, k=12): 0.8 M parameters, https://arxiv.org/abs/1608.06993 table 2.
model = dict(
    type='ImageClassifier',
    backbone=dict(type='DenseNetCIFAR', depth=100, growth_rate=12),
    neck=dict(type='GlobalAveragePooling'),
    head=dict(
        type='LinearClsHead',
        num_classes=10,
        in_channels=342,
        loss=dict(type='CrossEntropyLoss', loss_weight=1.0),
    ),
)
