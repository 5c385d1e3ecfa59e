_base_ = './bn_resnet18_digits.py'
model = dict(type='CTClassifier')
# At the end, scores on corrupted digits and a report.
custom_hooks = [dict(type='NoBNTeacherHook'), dict(type='ScorecardHook')]
