# The paper's first claim: what removing BN does to clean and corrupted error,
# across architectures that are narrow enough for a CPU. How to get the data, and
# what came out: docs/earlier_studies.md
_base_ = '../_base_/studies/clean_and_corrupted.py'
base = '{{ fileDirname }}/../_base_/studies/cifar10_folder_part.py'
cosine = dict(type='CosineAnnealingLR', by_epoch=True, begin=1, convert_to_iter_based=True)
warm_up = dict(type='LinearLR', start_factor=0.1, begin=0, end=1, convert_to_iter_based=True)
common = dict(
    train_cfg=dict(max_epochs=8, val_interval=8),
    param_scheduler=[warm_up, dict(cosine, end=8, T_max=7)],
    default_hooks=dict(
        logger=dict(interval=50), checkpoint=dict(interval=2, max_keep_ckpts=-1)
    ),
)

architectures = {
    'ResNet-18': (
        dict(type='ResNet_CIFAR', depth=18, stem_channels=8, base_channels=8), 64
    ),
    'WRN-16': (dict(type='WideResNet', depth=16, widen_factor=1, base_channels=8), 32),
    'AllConvNet': (dict(type='AllConvNet', base_channels=8, drop_rate=0.0), 16),
    'ResNeXt-11': (
        dict(
            type='ResNeXtCIFAR', depth=11, groups=4, width_per_group=4,
            stem_channels=16, base_channels=8, strides=(2, 2, 2),
        ),
        128,
    ),
    'MobileNetV2': (dict(type='MobileNetV2', widen_factor=0.25), 1280),
}
no_bn = dict(type='NormFreeClassifier')
variants = {
    'BN': dict(),
    'identity': dict(model=no_bn, custom_hooks=[dict(type='NoBNTrainingHook', init='identity')]),
    'per layer': dict(model=no_bn, custom_hooks=[dict(type='NoBNTrainingHook')]),
    'per channel': dict(
        model=no_bn, custom_hooks=[dict(type='NoBNTrainingHook', granularity='channel')]
    ),
}
# Learning rate and clipping of the networks without BN, on 2,000 training images
# that no network learns from; corrupted images play no part.
tuning = dict(
    points=[
        dict(optim_wrapper=dict(optimizer=dict(lr=lr), clip_grad=clip))
        for lr, clip in (
            (0.3, dict(max_norm=1.0)),
            (0.1, dict(max_norm=1.0)),
            (0.03, dict(max_norm=1.0)),
            (0.01, dict(max_norm=1.0)),
            (0.03, None),
        )
    ],
    overlay=dict(
        train_cfg=dict(max_epochs=3, val_interval=3),
        param_scheduler=[warm_up, dict(cosine, end=3, T_max=2)],
    ),
    seed=100,
)
arms = {
    f'{group}, {variant}': dict(
        config=base,
        overlay=[
            dict(model=dict(backbone=dict(backbone, _delete_=True), head=dict(in_channels=out))),
            overlay,
        ],
        group=group,
        variant=variant,
        baseline=None if variant == 'BN' else f'{group}, BN',
        tuning=None if variant == 'BN' else tuning,
    )
    for group, (backbone, out) in architectures.items()
    for variant, overlay in variants.items()
}
seeds = 3
scores = dict(
    corruption=dict(
        type='CorruptionScore',
        dataset=dict(type='ArrayCorruptionSet', data_root='data/cifar10_folder_part_c'),
    ),
    # On a quarter of the test images, at one severity.
    along=dict(
        type='AlongTraining', clean=dict(indices=list(range(0, 10000, 20))),
        corruptions=[
            'gaussian_noise', 'impulse_noise', 'defocus_blur', 'motion_blur', 'frost', 'fog',
            'contrast', 'elastic_transform', 'pixelate', 'jpeg_compression',
        ],
        severities=[3],
    ),
    features=dict(type='FeatureReliance'),
)  # fmt: skip
