# CT beside the methods that it is compared with, and beside the controls that say
# what of its gain is CT's: docs/results.md. To get the data: docs/bn_removal.md
_base_ = '../_base_/studies/small_networks.py'
# What the ablation chose on held-out images: docs/recipe.md
recipe = dict(max_epochs=2 * _base_.epochs)
student = dict(type='CTClassifier')
ct = dict(model=student, custom_hooks=[dict(type='NoBNTeacherHook', **recipe)])
bn_teacher = dict(
    model=student, custom_hooks=[dict(type='NoBNTeacherHook', remove_bn=False, **recipe)]
)
# The teacher alone, as the hook trains it.
no_bn = dict(
    model=dict(type='NormFreeClassifier'),
    custom_hooks=[
        dict(
            type='NoBNTrainingHook', init='calibrate', granularity='layer', calibration_batches=1
        )
    ],
    optim_wrapper=dict(clip_grad=dict(max_norm=1.0)),
)


def scheduled(epochs, warm_up):
    return dict(
        train_cfg=dict(max_epochs=epochs, val_interval=epochs),
        param_scheduler=[
            {**_base_.warm_up, 'end': warm_up},
            {**_base_.cosine, 'begin': warm_up, 'end': epochs, 'T_max': epochs - warm_up},
        ],
    )


twice, thrice = scheduled(2 * _base_.epochs, 2), scheduled(3 * _base_.epochs, 3)
methods = {
    'Standard': dict(),
    'Cutout': dict(methods='cutout'),
    'Mixup': dict(methods='mixup'),
    'CutMix': dict(methods='cutmix'),
    'AutoAugment': dict(methods='autoaugment'),
    'RandAugment': dict(methods='randaugment'),
    'AugMix without JSD': dict(methods='augmix_no_jsd'),
    # As long as teacher and student together.
    'Standard, equal compute': dict(overlay=[thrice]),
    "BN (the control's teacher)": dict(overlay=[twice]),
    'no BN (the teacher)': dict(overlay=[no_bn, twice]),
    'BN teacher': dict(overlay=[bn_teacher]),
    'CT': dict(overlay=[ct]),
    'Adversarial': dict(methods='adversarial'),
    'AugMix': dict(methods='augmix'),
    'BN teacher + AugMix': dict(overlay=[bn_teacher], methods='augmix'),
    'CT + AugMix': dict(overlay=[ct], methods='augmix'),
}
compared = {
    'Standard': [],
    'CT': ['Standard', 'BN teacher', 'Standard, equal compute'],
    'BN teacher + AugMix': ['Standard', 'AugMix'],
    'CT + AugMix': ['Standard', 'AugMix', 'BN teacher + AugMix'],
}
arms = {
    f'{group}, {variant}': dict(
        config=_base_.base,
        overlay=[network, *settings.get('overlay', [])],
        methods=settings.get('methods'),
        group=group,
        variant=variant,
        baseline=[f'{group}, {other}' for other in compared.get(variant, ['Standard'])],
    )
    for group, network in _base_.architectures.items()
    for variant, settings in methods.items()
}
seeds = 3
scores = dict(
    corruption=dict(
        type='CorruptionScore',
        dataset=dict(type='CorruptionArrays', data_root='data/cifar10_folder_part_c'),
    ),
)
table = {
    'clean error, %': 'corruption.clean_error_pct',
    'mCE, %': 'corruption.raw_mce_pct',
    'gap': 'corruption.gap_pct',
    'relative mCE, %': dict(relative='corruption'),
    'calibration error, clean, %': 'corruption.rms_calibration_pct.clean',
    'calibration error, corrupted, %': 'corruption.rms_calibration_pct.corrupted',
}
figures = dict(errors=dict(type='ErrorArrows'))
