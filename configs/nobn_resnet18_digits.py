_base_ = './bn_resnet18_digits.py'
model = dict(type='NormFreeClassifier', weight_standardisation=True)
custom_hooks = [dict(type='NoBNTrainingHook')]
optim_wrapper = dict(optimizer=dict(_delete_=True, **_base_.teacher_optimizer))
