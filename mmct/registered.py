"""Import all classes that register; mmpretrain's registries import this to look up a name."""

from . import datasets, engine, methods, models  # noqa: F401
from .evaluation import metrics  # noqa: F401
