"""Hooks: the teacher's life, training without BatchNorm, going on."""

from .channels_last_hook import ChannelsLastHook
from .no_bn_teacher_hook import NoBNTeacherHook
from .no_bn_training_hook import NoBNTrainingHook
from .recalibrate_bn_hook import RecalibrateBNHook
from .resumable_checkpoint_hook import ResumableCheckpointHook
from .scorecard_hook import ScorecardHook

__all__ = [
    'ChannelsLastHook',
    'NoBNTeacherHook',
    'NoBNTrainingHook',
    'RecalibrateBNHook',
    'ResumableCheckpointHook',
    'ScorecardHook',
]
