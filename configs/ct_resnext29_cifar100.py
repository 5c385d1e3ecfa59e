_base_ = './bn_resnext29_cifar100.py'
model = dict(type='CTClassifier')
custom_hooks = [_base_.ct_teacher]
