# What removing BN does to clean and corrupted error of three networks that are trained to their
# end on CIFAR-10: docs/results.md. For a GPU, with `--jobs`. In WRN-16 no residual branch begins
# at 0, unlike in the teachers of CT.
_base_ = ['../_base_/studies/removal.py', '../_base_/studies/cifar10_networks.py']
networks = {
    **_base_.families,
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
