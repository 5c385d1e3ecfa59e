_base_ = './bn_wrn40_2_cifar100.py'
model = dict(type='NormFreeClassifier', weight_standardisation=True)
custom_hooks = [dict(type='NoBNTrainingHook')]
