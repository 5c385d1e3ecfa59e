_base_ = './bn_densenet_bc100_cifar10.py'
model = dict(type='CTClassifier')
custom_hooks = [_base_.ct_teacher]
