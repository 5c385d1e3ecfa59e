"""Backbones for 32x32 images that mmpretrain lacks."""

from .all_conv_net import AllConvNet
from .dense_net_cifar import DenseNetCIFAR
from .res_next_cifar import ResNeXtCIFAR
from .wide_res_net import WideResNet

__all__ = ['AllConvNet', 'DenseNetCIFAR', 'ResNeXtCIFAR', 'WideResNet']
