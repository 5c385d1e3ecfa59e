_base_ = './bn_wrn40_2_cifar100.py'
model = dict(type='CTClassifier')
custom_hooks = [_base_.ct_teacher]
