"""Where cells run."""

from .executor import Executor
from .local_executor import LocalExecutor
from .ray_executor import RayExecutor

__all__ = ['Executor', 'LocalExecutor', 'RayExecutor']
