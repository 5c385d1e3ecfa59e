_base_ = './bn_resnet18_digits.py'
model = _base_.ct_student
# At the end, scores on corrupted digits and a report.
custom_hooks = [_base_.ct_teacher, dict(type='ScorecardHook')]
