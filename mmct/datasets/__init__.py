"""Data sets and transforms that mmpretrain lacks."""

from .cell import CLEAN, Cell
from .cifar_c import CIFAR10C, CIFAR100C, CIFAR10CBar
from .clean_images import CleanImages
from .corrupted_dataset import CorruptedDataset
from .corruption_arrays import CorruptionArrays
from .corruption_cells import CorruptionCells
from .corruption_folders import CorruptionFolders
from .digits import Digits
from .domain_benchmarks import PACS, VLCS, OfficeHome, TerraIncognita
from .generated_corruptions import GeneratedCorruptions
from .imagenet_c import ImageNetC, ImageNetCBar, TinyImageNetC
from .multi_domain import MultiDomain
from .samplers import DomainSampler
from .transforms import AugMix, Corrupt, TorchvisionAutoAugment

__all__ = [
    'AugMix',
    'CIFAR10C',
    'CIFAR10CBar',
    'CIFAR100C',
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
    'TorchvisionAutoAugment',
    'VLCS',
]
