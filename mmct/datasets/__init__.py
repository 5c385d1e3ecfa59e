"""Data sets, samplers and transforms that mmpretrain lacks."""

from .array_sets import CIFAR10C, CIFAR100C, ArrayCorruptionSet, CIFAR10CBar
from .corruption_set import CLEAN, Cell, CorruptionSet
from .corruption_transform import Corrupt, CorruptedDataset
from .digits import Digits
from .domain_sampler import DomainSampler
from .folder_sets import FolderCorruptionSet, ImageNetC, ImageNetCBar, TinyImageNetC
from .generated_set import CleanImages, GeneratedCorruptionSet
from .multi_domain import PACS, VLCS, MultiDomain, OfficeHome, TerraIncognita

__all__ = [
    'ArrayCorruptionSet',
    'CIFAR100C',
    'CIFAR10C',
    'CIFAR10CBar',
    'CLEAN',
    'Cell',
    'CleanImages',
    'Corrupt',
    'CorruptedDataset',
    'CorruptionSet',
    'Digits',
    'DomainSampler',
    'FolderCorruptionSet',
    'GeneratedCorruptionSet',
    'ImageNetC',
    'ImageNetCBar',
    'MultiDomain',
    'OfficeHome',
    'PACS',
    'TerraIncognita',
    'TinyImageNetC',
    'VLCS',
]
