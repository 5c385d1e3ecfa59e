_base_ = ['./bn_resnet50_in1k.py', './_base_/mmct.py']
model = dict(type='CTClassifier')
custom_hooks = [_base_.ct_teacher]
