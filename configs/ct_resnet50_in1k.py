_base_ = ['./bn_resnet50_in1k.py', './_base_/mmct.py']
model = _base_.ct_student
custom_hooks = [_base_.ct_teacher]
