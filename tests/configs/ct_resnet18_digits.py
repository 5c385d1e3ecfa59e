# Without the scorecard at the end, which takes longer than what most tests train.
_base_ = '../../configs/ct_resnet18_digits.py'
custom_hooks = [dict(type='NoBNTeacherHook')]
