"""Make corruption sets on disk: the images of a test set under all corruptions."""

from .making import LAYOUTS, CorruptionSetMaker
from .source import Source, SourceConfig

__all__ = [
    'CorruptionSetMaker',
    'LAYOUTS',
    'Source',
    'SourceConfig',
]
