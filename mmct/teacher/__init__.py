"""Configure, train, evaluate and store teachers, and start students from them."""

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
