# CT by the chosen recipe and all of its controls on CIFAR-10, with all of its training images,
# a ResNet-20 and a VGG-like network of the same cost: docs/results.md. For a GPU, with `--jobs`;
# `--cfg-options length=3` trains three times as long, and
# `common.optim_wrapper.type=BFloat16OptimWrapper` in bfloat16 on a CPU (a GPU: AmpOptimWrapper).
_base_ = ['../_base_/studies/controls.py', '../_base_/studies/cifar10_networks.py']
studies = __import__('importlib').import_module('mmct.studies')
arms = studies.compared_arms(
    '{{ fileDirname }}/../bn_resnet20_cifar10_folder.py', _base_.families, _base_.variants
)
seeds = 3
# Two thousand test images, two hundred of each class; they lie class by class.
clean = dict(indices=list(range(0, 10000, 5)))
scores = dict(
    corruption=dict(type='CorruptionScore', clean=clean),
    adapted=dict(type='CorruptionScore', clean=clean, recalibrate_bn=10),
)
