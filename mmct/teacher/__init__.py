"""The teacher's life: recipe, config, store, training, evaluation, the student's start."""

from .config import RECIPE, TeacherRecipe, switch_on_ct, teacher_config, teacher_hook
from .store import TeacherStore

__all__ = [
    'RECIPE',
    'TeacherRecipe',
    'TeacherStore',
    'switch_on_ct',
    'teacher_config',
    'teacher_hook',
]
