# The same choice as digits_search.py on CIFAR-10, with a ResNet-20 that trains for 12 epochs.
# For a GPU, or for days of a CPU. `--cfg-options length=2` trains twice as long, and
# `common.model.backbone.base_channels=32 common.model.head.in_channels=128` doubles the width.
_base_ = ['../_base_/studies/recipes.py', '../_base_/studies/held_out.py']
studies = __import__('importlib').import_module('mmct.studies')
arms = studies.compared_arms(
    '{{ fileDirname }}/../_base_/studies/cifar10_held_out.py',
    {'CIFAR-10': dict()},
    {**_base_.networks, **_base_.recipes},
)
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
