_base_ = './bn_densenet_bc100_cifar100.py'
model = dict(type='NormFreeClassifier', weight_standardisation=True)
custom_hooks = [dict(type='NoBNTrainingHook')]
