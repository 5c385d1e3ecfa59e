# Which recipe of CT is best on the digits: chosen on training images that no network learns
# from, under the four corruptions that no benchmark contains. The rule, written down before
# any of these networks was trained, and what came out: docs/recipe.md
_base_ = [
    '../_base_/studies/recipes.py',
    '../_base_/studies/held_out.py',
    '../_base_/studies/digits_schedule.py',
]
# How a teacher is trained here, as digits_teachers.py chose: docs/recipe.md
own = dict(lr=0.05)
arms = {
    name: dict(
        config='{{ fileDirname }}/../_base_/studies/digits_part.py',
        group='digits',
        variant=name,
        **settings,
    )
    for name, settings in {
        **_base_.networks,
        **{
            name: dict(
                overlay=dict(
                    model=dict(type='CTClassifier', consistency=parts['term']),
                    custom_hooks=[
                        {**(own if parts['hook'].get('remove_bn', True) else {}), **parts['hook']},
                        *parts.get('more', []),
                    ],
                ),
                start=parts.get('start'),
                baseline=parts['baseline'],
            )
            for name, parts in _base_.recipes.items()
        },
    }.items()
}
common = dict(train_cfg=dict(val_interval=100), default_hooks=dict(checkpoint=dict(interval=15)))
seeds = 3
