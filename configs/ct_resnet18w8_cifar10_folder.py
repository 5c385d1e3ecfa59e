_base_ = ['./bn_resnet18w8_cifar10_folder.py', './_base_/mmct.py']
model = _base_.ct_student
custom_hooks = [_base_.ct_teacher]
