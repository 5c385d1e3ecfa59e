# The AugMix protocol for ResNeXt and DenseNet.
_base_ = './augmix_100e.py'
param_scheduler = dict(T_max=200)
train_cfg = dict(max_epochs=200)
