"""Student, teacher and loss of Counterbalancing Teacher."""

from .affine_folding import fold_affine
from .backbones import AllConvNet, DenseNetCIFAR, ResNeXtCIFAR, WideResNet
from .batch_norm_removal import check_has_batch_norm, check_removal, remove_batch_norm
from .calibration import calibrate
from .ct_classifier import CTClassifier, check_is_copy
from .ct_consistency_loss import CTConsistencyLoss, consistency
from .forward_pass import class_scores
from .frozen_teacher import FrozenTeacher, check_compile
from .no_norm import NoNorm
from .norm_free_backbone import norm_free_backbone
from .norm_free_classifier import NormFreeClassifier

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
    'fold_affine',
    'norm_free_backbone',
    'remove_batch_norm',
]
