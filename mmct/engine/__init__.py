"""Running CT: hooks, the teacher's config and store, and the tools' parts."""

from .accuracy import Accuracy, evaluate
from .corruption_test_loop import CorruptionTestLoop
from .errors import CTError, DivergedError
from .fingerprint import fingerprint
from .hooks import (
    NoBNTeacherHook,
    NoBNTrainingHook,
    ResumableCheckpointHook,
    ScorecardHook,
)
from .switch import switch_on_ct, teacher_hook
from .teacher_config import TeacherRecipe, teacher_config
from .teacher_store import TeacherStore
from .whole_file_backend import WholeFileBackend

__all__ = [
    'Accuracy',
    'CTError',
    'CorruptionTestLoop',
    'DivergedError',
    'NoBNTeacherHook',
    'NoBNTrainingHook',
    'ResumableCheckpointHook',
    'ScorecardHook',
    'TeacherRecipe',
    'TeacherStore',
    'WholeFileBackend',
    'evaluate',
    'fingerprint',
    'switch_on_ct',
    'teacher_config',
    'teacher_hook',
]
