# What removing BN does to clean and corrupted error of three networks that are trained to their
# end on CIFAR-10: docs/results.md. For a GPU, with `--jobs`.
_base_ = ['../_base_/studies/removal.py']
networks = {
    'ResNet-20': dict(),
    'AllConvNet': dict(
        model=dict(
            backbone=dict(_delete_=True, type='AllConvNet', base_channels=32, drop_rate=0.1),
            head=dict(in_channels=64),
        )
    ),
    'WRN-16': dict(
        model=dict(
            backbone=dict(_delete_=True, type='WideResNet', depth=16, widen_factor=1),
            head=dict(in_channels=64),
        )
    ),
}
studies = __import__('importlib').import_module('mmct.studies')
arms = studies.compared_arms(
    '{{ fileDirname }}/../bn_resnet20_cifar10_folder.py', networks, _base_.variants
)
seeds = 3
# Two hundred test images of each class; they lie class by class.
scores = dict(
    corruption=dict(type='CorruptionScore', clean=dict(indices=list(range(0, 10000, 5))))
)
