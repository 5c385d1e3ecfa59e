# Table 1 of AugMix for CIFAR-10-C, with CT and its controls: for GPUs, with the
# released set in data/CIFAR-10-C; not run here. Published rows stand beside ours.
_base_ = '../_base_/studies/augmix_protocol.py'
here = '{{ fileDirname }}'
corrupted = dict(type='CIFAR10C', data_root='data/CIFAR-10-C')
scores = dict(
    corruption=dict(type='CorruptionScore', dataset=corrupted),
    adapted=dict(type='CorruptionScore', dataset=corrupted, recalibrate_bn=10),
)
# Of each architecture, in the order of published_methods.
published = {
    'AllConvNet': (30.8, 32.9, 24.6, 31.3, 29.2, 28.1, 15.0),
    'DenseNet-BC': (30.7, 32.1, 24.6, 33.5, 26.6, 27.6, 12.7),
    'WRN-40-2': (26.9, 26.8, 22.3, 27.1, 23.9, 26.2, 11.2),
    'ResNeXt-29': (27.5, 28.9, 22.6, 29.5, 24.2, 27.0, 10.9),
}
arms = {
    f'{group}, {variant}': dict(
        config=f'{here}/../bn_{name}_cifar10.py',
        overlay=settings.get('overlay', {}),
        length=settings.get('length', 1),
        methods=settings.get('methods'),
        group=group,
        variant=variant,
        baseline=[
            f'{group}, {other}'
            for other in _base_.compared_with.get(variant, ['Standard'])
            if 'full rate' not in other
        ],
    )
    for group, name in _base_.networks.items()
    for variant, settings in _base_.methods_of_today.items()
}
published_title = 'mCE, %: published (AugMix, table 1), not measured here'
table = {
    'mCE with BN of test batches, another setting, %': 'adapted.raw_mce_pct',
    published_title: dict(
        published={
            f'{group}, {variant}': value
            for group, values in published.items()
            for variant, value in zip(_base_.published_methods, values, strict=True)
        }
    )
}
