_base_ = './bn_resnet18_digits.py'
model = dict(type='CTClassifier')
# At the end, scores on corrupted digits and a report.
custom_hooks = [_base_.ct_teacher, dict(type='ScorecardHook')]
