_base_ = ['./bn_resnet50_in1k.py', './_base_/mmct.py']
model = dict(type='NormFreeClassifier', weight_standardisation=True)
custom_hooks = [dict(type='NoBNTrainingHook')]
