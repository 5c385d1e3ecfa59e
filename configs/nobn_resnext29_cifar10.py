_base_ = './bn_resnext29_cifar10.py'
model = dict(type='NormFreeClassifier', weight_standardisation=True)
custom_hooks = [dict(type='NoBNTrainingHook')]
