"""The teacher's life: recipe, config, store, training, evaluation, the student's start."""

from .config import CONSISTENCY, RECIPE, TeacherRecipe, switch_on_ct, teacher_config, teacher_hook
from .store import TeacherStore

__all__ = [
    'CONSISTENCY',
    'RECIPE',
    'TeacherRecipe',
    'TeacherStore',
    'switch_on_ct',
    'teacher_config',
    'teacher_hook',
]
