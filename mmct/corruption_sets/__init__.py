"""Make corruption sets on disk: a test set's images, corrupted."""

from .making import LAYOUTS, Request, open_set
from .source import Source, SourceConfig

__all__ = [
    'LAYOUTS',
    'Request',
    'Source',
    'SourceConfig',
    'open_set',
]
