"""Transforms that mmpretrain lacks."""

from .augmix import AugMix
from .corrupt import Corrupt
from .torchvision_auto_augment import TorchvisionAutoAugment

__all__ = ['AugMix', 'Corrupt', 'TorchvisionAutoAugment']
