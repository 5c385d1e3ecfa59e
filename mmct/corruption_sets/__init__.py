"""Make corruption sets on disk: a test set's images, corrupted."""

from .making import LAYOUTS, CorruptionSetMaker
from .source import Source, SourceConfig

__all__ = [
    'CorruptionSetMaker',
    'LAYOUTS',
    'Source',
    'SourceConfig',
]
