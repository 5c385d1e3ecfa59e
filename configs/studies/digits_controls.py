# CT and its controls where the paper's first claim holds (docs/bn_removal.md): on the
# digits. The recipe is that of docs/recipe.md, chosen on other images: docs/results.md
_base_ = [
    '../_base_/studies/compared.py',
    '../_base_/studies/benchmark.py',
    '../_base_/studies/narrow_digits.py',
    '../_base_/schedules/digits.py',
]
warm_up, cosine = _base_.param_scheduler
epochs = _base_.train_cfg.max_epochs
# Warm-up and cosine are stretched alike.
longer = {
    times: dict(
        train_cfg=dict(max_epochs=times * epochs),
        param_scheduler=[
            {**warm_up, 'end': times * warm_up['end']},
            {**cosine, 'begin': times * cosine['begin'], 'end': times * cosine['end'],
             'T_max': times * cosine['T_max']},
        ],
    )
    for times in (1, 2, 3)
}  # fmt: skip
compared = ('Standard', 'Standard, equal compute', "BN (the control's teacher)",
            'no BN (the teacher)', 'BN teacher', 'CT', 'BN teacher, full rate',
            'CT, full rate')  # fmt: skip
arms = {
    variant: dict(
        config='{{ fileDirname }}/../bn_resnet18_digits.py',
        overlay=[longer[settings.get('length', 1)], settings.get('overlay', {})],
        group='digits',
        variant=variant,
        baseline=_base_.compared_with.get(variant, ['Standard']),
    )
    for variant, settings in _base_.methods.items()
    if variant in compared
}
seeds = 10
scores = dict(corruption=dict(type='CorruptionScore', severities=[1, 3, 5]))
