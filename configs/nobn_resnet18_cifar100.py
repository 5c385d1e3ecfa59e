_base_ = ['./bn_resnet18_cifar100.py', './_base_/mmct.py']
model = dict(type='NormFreeClassifier', weight_standardisation=True)
custom_hooks = [dict(type='NoBNTrainingHook')]
