_base_ = './erm_resnet18w16_pacs64.py'
model = dict(type='CTClassifier')
custom_hooks = [_base_.ct_teacher]
