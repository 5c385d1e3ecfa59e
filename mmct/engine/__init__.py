"""Running CT: hooks, the teacher's config and store, and the tools' parts."""

from .accuracy import Accuracy, evaluate
from .errors import CTError
from .hooks import NoBNTeacherHook, NoBNTrainingHook
from .switch import switch_on_ct, teacher_hook
from .teacher_config import TeacherRecipe, fingerprint, teacher_config
from .teacher_store import TeacherStore

__all__ = [
    'Accuracy',
    'CTError',
    'NoBNTeacherHook',
    'NoBNTrainingHook',
    'TeacherRecipe',
    'TeacherStore',
    'evaluate',
    'fingerprint',
    'switch_on_ct',
    'teacher_config',
    'teacher_hook',
]
