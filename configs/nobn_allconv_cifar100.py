_base_ = './bn_allconv_cifar100.py'
model = dict(type='NormFreeClassifier', weight_standardisation=True)
custom_hooks = [dict(type='NoBNTrainingHook')]
