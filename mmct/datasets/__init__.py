"""Data sets, samplers and transforms that mmpretrain lacks."""

from .array_sets import CIFAR10C, CIFAR100C, CIFAR10CBar, CorruptionArrays
from .clean_images import CleanImages
from .corruption_set import CLEAN, Cell, CorruptionCells
from .digits import Digits
from .domain_sampler import DomainSampler
from .folder_sets import CorruptionFolders, ImageNetC, ImageNetCBar, TinyImageNetC
from .generated import Corrupt, CorruptedDataset, GeneratedCorruptions
from .multi_domain import PACS, VLCS, MultiDomain, OfficeHome, TerraIncognita

__all__ = [
    'CIFAR100C',
    'CIFAR10C',
    'CIFAR10CBar',
    'CLEAN',
    'Cell',
    'CleanImages',
    'Corrupt',
    'CorruptedDataset',
    'CorruptionArrays',
    'CorruptionCells',
    'CorruptionFolders',
    'Digits',
    'DomainSampler',
    'GeneratedCorruptions',
    'ImageNetC',
    'ImageNetCBar',
    'MultiDomain',
    'OfficeHome',
    'PACS',
    'TerraIncognita',
    'TinyImageNetC',
    'VLCS',
]
