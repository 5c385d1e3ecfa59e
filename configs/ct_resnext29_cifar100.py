_base_ = './bn_resnext29_cifar100.py'
model = _base_.ct_student
custom_hooks = [_base_.ct_teacher]
