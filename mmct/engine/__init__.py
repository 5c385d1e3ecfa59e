"""Hooks and loops that mmengine runs."""

from . import hooks
from .corruption_test_loop import CorruptionTestLoop
from .hooks import *  # noqa: F403

__all__ = ['CorruptionTestLoop', *hooks.__all__]
