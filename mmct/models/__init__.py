"""Student, teacher and loss of Counterbalancing Teacher, and BN-free networks."""

from .affine_folding import fold_affine
from .backbones import AllConvNet, DenseNetCIFAR, ResNeXtCIFAR, WideResNet
from .batch_norm_removal import (
    NormFreeClassifier,
    check_has_batch_norm,
    check_is_copy,
    check_removal,
    norm_free_backbone,
    remove_batch_norm,
)
from .batch_norm_statistics import evaluating, reestimate_batch_norm, start_from_teacher
from .consistency_loss import CTConsistencyLoss, consistency, trust_in
from .ct_classifier import CTClassifier
from .forward_pass import class_scores
from .frozen_teacher import FrozenTeacher, check_compile
from .no_norm import NoNorm, calibrate

__all__ = [
    'AllConvNet',
    'CTClassifier',
    'CTConsistencyLoss',
    'DenseNetCIFAR',
    'FrozenTeacher',
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
    'evaluating',
    'fold_affine',
    'norm_free_backbone',
    'reestimate_batch_norm',
    'remove_batch_norm',
    'start_from_teacher',
    'trust_in',
]
