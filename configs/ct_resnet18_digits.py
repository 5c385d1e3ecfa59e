_base_ = './bn_resnet18_digits.py'
model = _base_.ct_student
# At the end the plain network with BN, as long as both together; scores on corrupted digits.
custom_hooks = [_base_.ct_teacher, dict(type='BaselineHook'),
                dict(type='ScorecardHook', severities=[3])]  # fmt: skip
