_base_ = './bn_wrn40_2_cifar100.py'
model = _base_.ct_student
custom_hooks = [_base_.ct_teacher]
