"""Hooks that train teachers and baselines, handle BatchNorm, resume runs and score networks."""

from .adaptive_clipping_hook import AdaptiveClippingHook
from .baseline_hook import BaselineHook
from .channels_last_hook import ChannelsLastHook
from .freeze_bn_statistics_hook import FreezeBNStatisticsHook
from .no_bn_teacher_hook import NoBNTeacherHook
from .no_bn_training_hook import NoBNTrainingHook
from .recalibrate_bn_hook import RecalibrateBNHook
from .resumable_checkpoint_hook import ResumableCheckpointHook
from .scorecard_hook import ScorecardHook

__all__ = [
    'AdaptiveClippingHook',
    'BaselineHook',
    'ChannelsLastHook',
    'FreezeBNStatisticsHook',
    'NoBNTeacherHook',
    'NoBNTrainingHook',
    'RecalibrateBNHook',
    'ResumableCheckpointHook',
    'ScorecardHook',
]
