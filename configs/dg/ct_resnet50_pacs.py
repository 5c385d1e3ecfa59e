_base_ = './erm_resnet50_pacs.py'
model = dict(type='CTClassifier')
custom_hooks = [dict(type='NoBNTeacherHook', init='fold')]
