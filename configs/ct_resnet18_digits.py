_base_ = './bn_resnet18_digits.py'
model = dict(type='CTClassifier')
custom_hooks = [dict(type='NoBNTeacherHook')]
