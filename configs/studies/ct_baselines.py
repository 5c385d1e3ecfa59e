# CT beside the methods that it is compared with, and beside the controls that say
# what of its gain is CT's: docs/results.md. To get the data: docs/bn_removal.md
_base_ = ['../_base_/studies/small_networks.py', '../_base_/studies/compared.py']
epochs = _base_.epochs
# Warm-up and cosine are stretched alike.
longer = {
    times: dict(
        train_cfg=dict(max_epochs=times * epochs, val_interval=times * epochs),
        param_scheduler=[
            {**_base_.warm_up, 'end': times},
            {
                **_base_.cosine,
                'begin': times,
                'end': times * epochs,
                'T_max': times * (epochs - 1),
            },
        ],
    )
    for times in (1, 2, 3)
}
arms = {
    f'{group}, {variant}': dict(
        config=_base_.base,
        overlay=[network, longer[settings.get('length', 1)], settings.get('overlay', {})],
        methods=settings.get('methods'),
        group=group,
        variant=variant,
        baseline=[
            f'{group}, {other}' for other in _base_.compared_with.get(variant, ['Standard'])
        ],
    )
    for group, network in _base_.architectures.items()
    for variant, settings in _base_.methods.items()
}
corrupted = dict(type='CorruptionArrays', data_root='data/cifar10_folder_part_c')
scores = dict(
    corruption=dict(type='CorruptionScore', dataset=corrupted),
    adapted=dict(type='CorruptionScore', dataset=corrupted, recalibrate_bn=10),
    # One corruption of each kind, at one severity.
    along=dict(
        type='AlongTraining', dataset=corrupted, severities=[3],
        corruptions=['gaussian_noise', 'defocus_blur', 'fog', 'contrast', 'jpeg_compression'],
    ),
)  # fmt: skip
table = {
    'gap at equal clean error': dict(curve='along', x='clean_error_pct', y='gap_pct'),
    'mCE with BN of test batches, another setting, %': 'adapted.raw_mce_pct',
}
