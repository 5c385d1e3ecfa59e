_base_ = './erm_resnet18w16_pacs64.py'
model = _base_.ct_student
custom_hooks = [_base_.ct_teacher]
