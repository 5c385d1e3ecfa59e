# CT and its controls where the paper's first claim holds (docs/bn_removal.md): on the
# digits. The recipe is that of docs/recipe.md, chosen on other images.
_base_ = ['./digits_study.py', '../_base_/mmct.py']
configs = '{{ fileDirname }}/..'
student = dict(type='CTClassifier')
# Schedules that are twice and three times as long.
longer = {
    times: dict(
        train_cfg=dict(max_epochs=15 * times),
        param_scheduler=[
            dict(
                type='LinearLR', start_factor=0.1, begin=0, end=2 * times,
                convert_to_iter_based=True,
            ),
            dict(
                type='CosineAnnealingLR', begin=2 * times, end=15 * times, T_max=13 * times,
                convert_to_iter_based=True,
            ),
        ],
    )
    for times in (2, 3)
}  # fmt: skip
distilled = {
    f'{kind}{start}': dict(
        model=student,
        custom_hooks=[
            dict(
                type='NoBNTeacherHook', length=2, student_start=begin,
                remove_bn=kind == 'CT',
            )
        ],
    )
    for kind in ('CT', 'BN teacher')
    for start, begin in (('', 'teacher'), (', from scratch', 'scratch'))
}  # fmt: skip
arms = {
    '_delete_': True,
    'Standard': dict(config=f'{configs}/bn_resnet18_digits.py', variant='Standard', group='digits'),
    **{
        name: dict(
            config=f'{configs}/{kind}_resnet18_digits.py',
            overlay=longer[times],
            variant=name,
            group='digits',
            baseline='Standard',
        )
        for name, kind, times in (
            ('Standard, equal compute', 'bn', 3),
            ("BN (the control's teacher)", 'bn', 2),
            ('no BN (the teacher)', 'nobn', 2),
        )
    },
    **{
        name: dict(
            config=f'{configs}/bn_resnet18_digits.py',
            overlay=overlay,
            variant=name,
            group='digits',
            baseline=[
                'Standard',
                *([name.replace('CT', 'BN teacher')] if 'CT' in name else []),
                *(['Standard, equal compute'] if name == 'CT' else []),
            ],
        )
        for name, overlay in distilled.items()
    },
}
seeds = 10
scores = dict(
    _delete_=True, corruption=dict(type='CorruptionScore', severities=[1, 3, 5])
)
table = {
    '_delete_': True,
    'clean error, %': 'corruption.clean_error_pct',
    'mCE, %': 'corruption.raw_mce_pct',
    'gap': 'corruption.gap_pct',
    'calibration error, corrupted, %': 'corruption.rms_calibration_pct.corrupted',
}
figures = dict(_delete_=True, errors=dict(type='ErrorArrows'))
