_base_ = './bn_wrn40_2_cifar10.py'
model = dict(type='CTClassifier')
custom_hooks = [_base_.ct_teacher]
