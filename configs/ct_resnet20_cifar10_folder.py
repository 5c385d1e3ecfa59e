_base_ = ['./bn_resnet20_cifar10_folder.py', './_base_/mmct.py']
model = dict(type='CTClassifier')
custom_hooks = [_base_.ct_teacher]
