# The protocol of AugMix (https://arxiv.org/abs/1912.02781): four architectures, full
# schedules, the released corruptions. For GPUs; it was not run here.
_base_ = ['../mmct.py', './compared.py', './benchmark.py']
# CT by the recipe of today.
ct = dict(model=_base_.ct_student, custom_hooks=[_base_.ct_teacher])
plain = dict(_base_.ct_teacher, remove_bn=False, weight_standardisation=False)
bn_teacher = dict(model=_base_.ct_student, custom_hooks=[plain])
free = dict(
    model=dict(type='NormFreeClassifier', weight_standardisation=True),
    custom_hooks=_base_.no_bn['custom_hooks'],
)
ours = {
    'no BN (the teacher)': free,
    'BN teacher': bn_teacher,
    'CT': ct,
    'BN teacher + AugMix': bn_teacher,
    'CT + AugMix': ct,
}
methods_of_today = {
    name: {**settings, 'overlay': ours[name]} if name in ours else settings
    for name, settings in _base_.methods.items()
    if 'full rate' not in name
}
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
