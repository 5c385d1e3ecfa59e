# CT by the chosen recipe and all of its controls on the digits: docs/results.md
_base_ = ['../_base_/studies/controls.py', '../_base_/studies/digits_schedule.py']
# How a teacher is trained here, as digits_teachers.py chose: docs/recipe.md
own = dict(lr=0.05)
free = dict(
    model=dict(type='NormFreeClassifier', weight_standardisation=True),
    custom_hooks=[_base_.calibrated],
    optim_wrapper=dict(optimizer=own),
)
arms = {
    variant: dict(
        config='{{ fileDirname }}/../bn_resnet18_digits.py',
        group='digits',
        variant=variant,
        baseline=_base_.compared_with.get(variant, ['Standard']),
        length=parts.get('length', 1),
        methods=parts.get('methods'),
        start=parts.get('start'),
        overlay=dict(
            model=dict(type='CTClassifier', consistency=parts['term']),
            custom_hooks=[
                {**(own if parts['hook'].get('remove_bn', True) else {}), **parts['hook']}
            ],
        )
        if 'hook' in parts
        else free
        if 'free' in parts
        else {},
    )
    for variant, parts in _base_.variants.items()
}
common = dict(train_cfg=dict(val_interval=100), default_hooks=dict(checkpoint=dict(interval=15)))
seeds = 10
scores = dict(
    corruption=dict(type='CorruptionScore', severities=[1, 3, 5]),
    # Of all images of a cell at once.
    adapted=dict(type='CorruptionScore', severities=[1, 3, 5], recalibrate_bn=2),
)
