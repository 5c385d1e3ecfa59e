# The same choice as digits_search.py on CIFAR-10, with a ResNet-20 that trains for 12 epochs.
# For a GPU, or for days of a CPU. `--cfg-options length=2` trains twice as long, and
# `common.model.backbone.base_channels=32 common.model.head.in_channels=128` doubles the width.
_base_ = ['../_base_/studies/recipes.py', '../_base_/studies/held_out.py']
arms = {
    name: dict(
        config='{{ fileDirname }}/../_base_/studies/cifar10_held_out.py',
        group='CIFAR-10',
        variant=name,
        **settings,
    )
    for name, settings in {
        **_base_.networks,
        **{
            name: dict(
                overlay=dict(
                    model=dict(type='CTClassifier', consistency=parts['term']),
                    custom_hooks=[parts['hook'], *parts.get('more', [])],
                ),
                start=parts.get('start'),
                baseline=parts['baseline'],
            )
            for name, parts in _base_.recipes.items()
        },
    }.items()
}
epochs = 12
common = dict(
    train_cfg=dict(max_epochs=epochs, val_interval=epochs),
    param_scheduler=[
        dict(type='LinearLR', start_factor=0.1, begin=0, end=1, convert_to_iter_based=True),
        dict(
            type='CosineAnnealingLR', begin=1, end=epochs, T_max=epochs - 1,
            convert_to_iter_based=True,
        ),
    ],
)  # fmt: skip
seeds = 3
