# An earlier recipe of CT beside other methods and its controls, in short trainings:
# docs/earlier_studies.md, also for the data
# Half as long as the ablation: 96 networks and 12 more teachers, of one to six minutes each.
_base_ = [
    '../_base_/studies/small_networks.py',
    '../_base_/studies/compared.py',
    '../_base_/studies/benchmark.py',
]
epochs = 4
common = dict(
    train_cfg=dict(max_epochs=epochs, val_interval=epochs),
    param_scheduler=[_base_.warm_up, dict(_base_.cosine, end=epochs, T_max=epochs - 1)],
    default_hooks=dict(channels_last=dict(type='ChannelsLastHook')),
)
corrupted = dict(type='ArrayCorruptionSet', data_root='data/cifar10_folder_part_c')
adapted = dict(type='CorruptionScore', dataset=corrupted, severities=[3], recalibrate_bn=10)
arms = {
    f'{group}, {variant}': dict(
        config=_base_.base,
        overlay=[network, settings.get('overlay', {})],
        length=settings.get('length', 1),
        methods=settings.get('methods'),
        group=group,
        variant=variant,
        baseline=[
            f'{group}, {other}' for other in _base_.compared_with.get(variant, ['Standard'])
        ],
        scores=dict(adapted=adapted) if variant in _base_.shown_adapted else None,
    )
    for group, network in _base_.architectures.items()
    for variant, settings in _base_.methods.items()
    if variant not in ('RandAugment', 'AugMix without JSD')
}
scores = dict(
    corruption=dict(type='CorruptionScore', dataset=corrupted),
    # One corruption of each kind, at one severity, on a quarter of the test images.
    along=dict(
        type='AlongTraining', clean=dict(indices=list(range(0, 10000, 20))), severities=[3],
        corruptions=['gaussian_noise', 'defocus_blur', 'fog', 'contrast', 'jpeg_compression'],
    ),
)  # fmt: skip
table = {
    'gap at equal clean error': dict(curve='along', x='clean_error_pct', y='gap_pct'),
    'error at severity 3, %': 'corruption.severity_error_pct.3',
    'the same with BN of test batches, another setting, %': 'adapted.raw_mce_pct',
}
