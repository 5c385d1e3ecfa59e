# The teacher is the pretrained network with its BN folded, fine-tuned without BN.
_base_ = './erm_resnet50_vlcs.py'
model = _base_.ct_student
custom_hooks = [dict(type='NoBNTeacherHook', init='fold', length=2)]
