"""Hooks: the teacher's life, and training without BatchNorm."""

from .no_bn_teacher_hook import NoBNTeacherHook
from .no_bn_training_hook import NoBNTrainingHook

__all__ = ['NoBNTeacherHook', 'NoBNTrainingHook']
