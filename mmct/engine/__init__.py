"""Running CT: hooks, the teacher's config and store, and the tools' parts."""

from .accuracy import Accuracy, evaluate
from .corruption_test_loop import CorruptionTestLoop
from .errors import CTError, DivergedError
from .fingerprint import fingerprint
from .hooks import (
    AdversarialTrainingHook,
    ChannelsLastHook,
    NoBNTeacherHook,
    NoBNTrainingHook,
    RecalibrateBNHook,
    ResumableCheckpointHook,
    ScorecardHook,
)
from .left_out_domain import set_test_domain
from .methods import METHODS, add_methods
from .switch import RECIPE, switch_on_ct, teacher_hook
from .teacher_config import TeacherRecipe, teacher_config
from .teacher_store import TeacherStore
from .whole_file_backend import WholeFileBackend

__all__ = [
    'METHODS',
    'RECIPE',
    'Accuracy',
    'AdversarialTrainingHook',
    'CTError',
    'ChannelsLastHook',
    'CorruptionTestLoop',
    'DivergedError',
    'NoBNTeacherHook',
    'NoBNTrainingHook',
    'RecalibrateBNHook',
    'ResumableCheckpointHook',
    'ScorecardHook',
    'TeacherRecipe',
    'TeacherStore',
    'WholeFileBackend',
    'add_methods',
    'evaluate',
    'fingerprint',
    'set_test_domain',
    'switch_on_ct',
    'teacher_config',
    'teacher_hook',
]
