"""Provide scores, which are measurements of a trained network."""

from .accuracy import DomainScore, ValidationError
from .corruption import AlongTraining, CorruptionScore
from .reliance import FeatureReliance

__all__ = ['AlongTraining', 'CorruptionScore', 'DomainScore', 'FeatureReliance', 'ValidationError']
