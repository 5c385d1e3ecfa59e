_base_ = './erm_resnet50_pacs.py'
model = _base_.ct_student
custom_hooks = [dict(type='NoBNTeacherHook', init='fold', length=2)]
