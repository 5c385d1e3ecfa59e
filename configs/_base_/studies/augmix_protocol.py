# The protocol of AugMix (https://arxiv.org/abs/1912.02781): four architectures, full
# schedules, the released corruptions. For GPUs; it was not run here.
_base_ = ['./compared.py', './benchmark.py']
# The configs of each, and the order in which the published rows have the methods.
networks = {
    'AllConvNet': 'allconv',
    'DenseNet-BC': 'densenet_bc100',
    'WRN-40-2': 'wrn40_2',
    'ResNeXt-29': 'resnext29',
}
published_methods = (
    'Standard', 'Cutout', 'Mixup', 'CutMix', 'AutoAugment', 'Adversarial', 'AugMix'
)  # fmt: skip
