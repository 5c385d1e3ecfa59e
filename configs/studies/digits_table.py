# CT by the chosen recipe and all of its controls on the digits: docs/results.md
_base_ = ['../_base_/studies/controls.py', '../_base_/studies/narrow_digits.py']
arms = {
    variant: dict(
        config='{{ fileDirname }}/../bn_resnet18_digits.py',
        group='digits',
        variant=variant,
        **{
            'baseline': _base_.compared_with.get(variant, ['Standard']),
            **settings,
        },
    )
    for variant, settings in _base_.variants.items()
}
seeds = 10
scores = dict(
    corruption=dict(type='CorruptionScore', severities=[1, 3, 5]),
    # Of all images of a cell at once.
    adapted=dict(type='CorruptionScore', severities=[1, 3, 5], recalibrate_bn=2),
)
