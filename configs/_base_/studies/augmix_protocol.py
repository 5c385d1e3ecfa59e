# The protocol of AugMix (https://arxiv.org/abs/1912.02781): four architectures, full
# schedules, the released corruptions. For GPUs; it was not run here.
_base_ = ['./compared.py', './benchmark.py']
# Epochs of each, and the order in which the published rows have the methods.
networks = {
    'AllConvNet': ('allconv', 100),
    'DenseNet-BC': ('densenet_bc100', 200),
    'WRN-40-2': ('wrn40_2', 100),
    'ResNeXt-29': ('resnext29', 200),
}
published_methods = (
    'Standard', 'Cutout', 'Mixup', 'CutMix', 'AutoAugment', 'Adversarial', 'AugMix'
)  # fmt: skip
