_base_ = ['./bn_resnet18_cifar10.py', './_base_/mmct.py']
model = _base_.ct_student
custom_hooks = [_base_.ct_teacher]
