_base_ = './bn_wrn28_10_cifar100.py'
model = dict(type='CTClassifier')
custom_hooks = [_base_.ct_teacher]
