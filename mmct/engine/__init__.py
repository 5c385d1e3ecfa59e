"""Hooks, loops and optimizer wrappers that mmengine runs."""

from . import hooks
from .bfloat16_optim_wrapper import BFloat16OptimWrapper
from .corruption_test_loop import CorruptionTestLoop
from .hooks import *  # noqa: F403

__all__ = ['BFloat16OptimWrapper', 'CorruptionTestLoop', *hooks.__all__]
