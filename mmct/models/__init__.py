"""Student, teacher and loss of Counterbalancing Teacher."""

from .affine_folding import fold_affine
from .backbones import AllConvNet, DenseNetCIFAR, ResNeXtCIFAR, WideResNet
from .batch_norm_removal import check_has_batch_norm, check_removal, remove_batch_norm
from .batch_norm_statistics import reestimate_batch_norm
from .calibration import calibrate
from .consistency import consistency, trust_in
from .copy_check import check_is_copy
from .ct_classifier import CTClassifier
from .ct_consistency_loss import CTConsistencyLoss
from .domain_classifier import DomainClassifier
from .domain_objectives import CORAL, IRM, MMD, GroupDRO, coral, irm_penalty, mmd
from .evaluating import evaluating
from .forward_pass import class_scores
from .frozen_teacher import FrozenTeacher, check_compile
from .interdomain_mixup import InterdomainMixup
from .jensen_shannon_loss import JensenShannonLoss, jensen_shannon
from .multi_view_data_preprocessor import MultiViewDataPreprocessor
from .no_norm import NoNorm
from .norm_free_backbone import norm_free_backbone
from .norm_free_classifier import NormFreeClassifier
from .pgd import pgd
from .student_start import start_from_teacher

__all__ = [
    'AllConvNet',
    'CORAL',
    'CTClassifier',
    'CTConsistencyLoss',
    'DenseNetCIFAR',
    'DomainClassifier',
    'FrozenTeacher',
    'GroupDRO',
    'InterdomainMixup',
    'IRM',
    'JensenShannonLoss',
    'MMD',
    'MultiViewDataPreprocessor',
    'NoNorm',
    'NormFreeClassifier',
    'ResNeXtCIFAR',
    'WideResNet',
    'calibrate',
    'check_compile',
    'check_has_batch_norm',
    'check_is_copy',
    'check_removal',
    'class_scores',
    'consistency',
    'coral',
    'evaluating',
    'fold_affine',
    'irm_penalty',
    'jensen_shannon',
    'mmd',
    'norm_free_backbone',
    'pgd',
    'reestimate_batch_norm',
    'remove_batch_norm',
    'start_from_teacher',
    'trust_in',
]
