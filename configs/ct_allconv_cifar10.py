_base_ = './bn_allconv_cifar10.py'
model = _base_.ct_student
custom_hooks = [_base_.ct_teacher]
