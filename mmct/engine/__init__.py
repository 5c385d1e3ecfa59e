"""Hooks and loops that mmengine runs."""

from .corruption_test_loop import CorruptionTestLoop
from .hooks import (
    ChannelsLastHook,
    NoBNTeacherHook,
    NoBNTrainingHook,
    RecalibrateBNHook,
    ResumableCheckpointHook,
    ScorecardHook,
)

__all__ = [
    'ChannelsLastHook',
    'CorruptionTestLoop',
    'NoBNTeacherHook',
    'NoBNTrainingHook',
    'RecalibrateBNHook',
    'ResumableCheckpointHook',
    'ScorecardHook',
]
