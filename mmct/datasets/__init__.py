"""Provide data sets, samplers and transforms that mmpretrain lacks."""

from .array_sets import CIFAR10C, CIFAR100C, ArrayCorruptionSet, CIFAR10CBar
from .corruption_set import CorruptionSet
from .corruption_transform import Corrupt, CorruptedDataset
from .digits import Digits
from .domain_sampler import DomainSampler
from .folder_sets import (
    FolderCorruptionSet,
    ImageNet3DCC,
    ImageNetC,
    ImageNetCBar,
    TinyImageNetC,
)
from .generated_set import CleanImages, GeneratedCorruptionSet
from .multi_domain import PACS, VLCS, MultiDomain, OfficeHome, TerraIncognita

__all__ = [
    'ArrayCorruptionSet',
    'CIFAR100C',
    'CIFAR10C',
    'CIFAR10CBar',
    'CleanImages',
    'Corrupt',
    'CorruptedDataset',
    'CorruptionSet',
    'Digits',
    'DomainSampler',
    'FolderCorruptionSet',
    'GeneratedCorruptionSet',
    'ImageNet3DCC',
    'ImageNetC',
    'ImageNetCBar',
    'MultiDomain',
    'OfficeHome',
    'PACS',
    'TerraIncognita',
    'TinyImageNetC',
    'VLCS',
]
