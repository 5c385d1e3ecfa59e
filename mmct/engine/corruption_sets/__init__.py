"""Corruption sets on disk: a test set's images, corrupted."""

from .making import open_set
from .request import LAYOUTS, Request
from .source import Source, SourceConfig

__all__ = ['LAYOUTS', 'Request', 'Source', 'SourceConfig', 'open_set']
