_base_ = './bn_allconv_cifar100.py'
model = dict(type='CTClassifier')
custom_hooks = [_base_.ct_teacher]
