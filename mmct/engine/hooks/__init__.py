"""Hooks: the teacher's life, training without BatchNorm, going on."""

from .no_bn_teacher_hook import NoBNTeacherHook
from .no_bn_training_hook import NoBNTrainingHook
from .resumable_checkpoint_hook import ResumableCheckpointHook
from .scorecard_hook import ScorecardHook

__all__ = [
    'NoBNTeacherHook',
    'NoBNTrainingHook',
    'ResumableCheckpointHook',
    'ScorecardHook',
]
