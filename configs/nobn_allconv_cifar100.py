_base_ = './bn_allconv_cifar100.py'
model = dict(type='NormFreeClassifier')
custom_hooks = [dict(type='NoBNTrainingHook')]
optim_wrapper = dict(clip_grad=dict(max_norm=1.0))
