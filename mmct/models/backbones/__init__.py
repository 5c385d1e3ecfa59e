"""Backbones for 32x32 images that mmpretrain lacks."""

from .cifar import AllConvNet, DenseNetCIFAR, ResNeXtCIFAR, WideResNet

__all__ = ['AllConvNet', 'DenseNetCIFAR', 'ResNeXtCIFAR', 'WideResNet']
