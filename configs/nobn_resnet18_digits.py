_base_ = './bn_resnet18_digits.py'
model = dict(type='NormFreeClassifier', weight_standardisation=True)
custom_hooks = [dict(type='NoBNTrainingHook')]
optim_wrapper = dict(clip_grad=dict(max_norm=1.0))
