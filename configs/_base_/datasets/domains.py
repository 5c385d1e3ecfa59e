# DomainBed's images and batches: 32 of each of three training domains, one domain
# left out. A leaf names the set, its folder and its test domain (--test-domain).
# Pillow decodes and resizes, as there: OpenCV does not smooth what it makes smaller.
data_preprocessor = dict(
    mean=[123.675, 116.28, 103.53], std=[58.395, 57.12, 57.375], to_rgb=True
)
load = dict(
    type='LoadImageFromFile', imdecode_backend='pillow', color_type='color_ignore_orientation'
)
pack = dict(type='PackInputs', meta_keys=('img_path', 'domain'))
train_pipeline = [
    load,
    dict(type='RandomResizedCrop', scale=224, crop_ratio_range=(0.7, 1.0), backend='pillow'),
    dict(type='RandomFlip', prob=0.5, direction='horizontal'),
    # torchvision's, as in DomainBed: mmcv's change of hue fails with NumPy 2 on one stack.
    dict(type='NumpyToPIL', to_rgb=True),
    dict(
        type='torchvision/ColorJitter', brightness=0.3, contrast=0.3, saturation=0.3, hue=0.3
    ),
    dict(type='torchvision/RandomGrayscale', p=0.1),
    dict(type='PILToNumpy', to_bgr=True),
    pack,
]
test_pipeline = [load, dict(type='Resize', scale=(224, 224), backend='pillow'), pack]
train_dataloader = dict(
    batch_size=3 * 32,
    num_workers=4,
    sampler=dict(type='DomainSampler'),
    dataset=dict(part='training', pipeline=train_pipeline),
)
evaluated = dict(
    batch_size=64, num_workers=4, sampler=dict(type='DefaultSampler', shuffle=False)
)
# Training-domain validation: the hold-outs of the domains that are trained on.
seen = dict(pipeline=test_pipeline, test_mode=True)
val_dataloader = dict(**evaluated, dataset=dict(part='holdout', **seen))
# Of the test domain what DomainBed reports; its hold-out is the oracle's.
test_dataloader = dict(**evaluated, dataset=dict(part='training', **seen))
val_evaluator = [dict(type='Accuracy', topk=(1,)), dict(type='DomainAccuracy')]
test_evaluator = val_evaluator
