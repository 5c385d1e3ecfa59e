_base_ = ['./bn_resnet18w8_cifar10_folder.py', './_base_/mmct.py']
model = dict(type='NormFreeClassifier')
custom_hooks = [dict(type='NoBNTrainingHook')]
optim_wrapper = dict(clip_grad=dict(max_norm=1.0))
