# CT and its controls where the paper's first claim holds (docs/bn_removal.md): on the
# digits. The recipe is that of docs/recipe.md, chosen on other images: docs/results.md
_base_ = [
    '../_base_/studies/compared.py',
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
# The teacher's learning rate is that of the network with BN in both.
gentle = {
    f'{variant}, lr / 10': dict(
        overlay=dict(
            model=_base_.student,
            custom_hooks=[{**overlay['custom_hooks'][0], 'lr': 0.1}],
            optim_wrapper=dict(optimizer=dict(lr=0.01)),
        )
    )
    for variant, overlay in (('BN teacher', _base_.bn_teacher), ('CT', _base_.ct))
}
compared_with = {
    **_base_.compared_with,
    'CT, lr / 10': ['Standard', 'BN teacher, lr / 10', 'Standard, equal compute', 'CT'],
}
compared = ('Standard', 'Standard, equal compute', "BN (the control's teacher)",
            'no BN (the teacher)', 'BN teacher', 'CT')  # fmt: skip
arms = {
    variant: dict(
        config='{{ fileDirname }}/../bn_resnet18_digits.py',
        overlay=[longer[settings.get('length', 1)], settings.get('overlay', {})],
        group='digits',
        variant=variant,
        baseline=compared_with.get(variant, ['Standard']),
    )
    for variant, settings in {
        **{name: _base_.methods[name] for name in compared}, **gentle
    }.items()
}  # fmt: skip
seeds = 10
scores = dict(corruption=dict(type='CorruptionScore', severities=[1, 3, 5]))
