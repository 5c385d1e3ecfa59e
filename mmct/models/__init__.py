"""Provide the student, teacher and loss of Counterbalancing Teacher, and BN-free networks."""

from .backbones import AllConvNet, DenseNetCIFAR, ResNetCIFAR, ResNeXtCIFAR, WideResNet
from .batch_norm_removal import (
    NormFreeClassifier,
    check_has_batch_norm,
    check_is_copy,
    check_removal,
    norm_free_backbone,
    remove_batch_norm,
)
from .batch_norm_statistics import start_from_teacher
from .build import build_classifier
from .consistency_loss import (
    CTConsistencyLoss,
    consistency,
    gate_weights,
    own_distances,
    register_distance,
)
from .ct_classifier import CTClassifier
from .forward_pass import class_scores
from .frozen_teacher import FrozenTeacher, check_speed, pick_dtype
from .no_norm import NoNorm, calibrate
from .weight_standardisation import (
    StandardisedClassifier,
    are_standardised,
    fold_weights,
    plain_weights,
    standardise_weights,
    standardised,
)

__all__ = [
    'AllConvNet',
    'CTClassifier',
    'CTConsistencyLoss',
    'DenseNetCIFAR',
    'FrozenTeacher',
    'NoNorm',
    'NormFreeClassifier',
    'ResNetCIFAR',
    'ResNeXtCIFAR',
    'StandardisedClassifier',
    'WideResNet',
    'are_standardised',
    'build_classifier',
    'calibrate',
    'check_has_batch_norm',
    'check_is_copy',
    'check_removal',
    'check_speed',
    'class_scores',
    'consistency',
    'fold_weights',
    'gate_weights',
    'norm_free_backbone',
    'own_distances',
    'pick_dtype',
    'plain_weights',
    'register_distance',
    'remove_batch_norm',
    'standardise_weights',
    'standardised',
    'start_from_teacher',
]
