"""Provide backbones for 32x32 images that mmpretrain lacks."""

from .cifar import AllConvNet, DenseNetCIFAR, ResNetCIFAR, ResNeXtCIFAR, WideResNet

__all__ = ['AllConvNet', 'DenseNetCIFAR', 'ResNetCIFAR', 'ResNeXtCIFAR', 'WideResNet']
