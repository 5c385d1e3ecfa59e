_base_ = './bn_wrn28_10_cifar100.py'
model = dict(type='NormFreeClassifier', weight_standardisation=True)
custom_hooks = [dict(type='NoBNTrainingHook')]
