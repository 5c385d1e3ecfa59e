_base_ = ['./bn_resnet18w8_cifar10_folder.py', './_base_/mmct.py']
model = dict(type='NormFreeClassifier', weight_standardisation=True)
custom_hooks = [dict(type='NoBNTrainingHook')]
