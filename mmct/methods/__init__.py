"""Provide the methods that CT is compared and combined with; any config can enable them."""

from .adversarial import AdversarialTrainingHook, pgd
from .augmix import AugMix, JensenShannonLoss, MultiViewDataPreprocessor, jensen_shannon
from .auto_augment import TorchvisionAutoAugment
from .domain_adversarial import AdversarialDomainClassifier
from .domain_classifiers import DomainClassifier, InterdomainMixup
from .domain_objectives import CORAL, IRM, MMD, GroupDRO, VREx, coral, irm_penalty, mmd
from .pipelines import augment
from .switch import METHODS, add_methods, register_method

__all__ = [
    'AdversarialDomainClassifier',
    'AdversarialTrainingHook',
    'AugMix',
    'CORAL',
    'DomainClassifier',
    'GroupDRO',
    'IRM',
    'InterdomainMixup',
    'JensenShannonLoss',
    'METHODS',
    'MMD',
    'MultiViewDataPreprocessor',
    'TorchvisionAutoAugment',
    'VREx',
    'add_methods',
    'augment',
    'coral',
    'irm_penalty',
    'jensen_shannon',
    'mmd',
    'pgd',
    'register_method',
]
