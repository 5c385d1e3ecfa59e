"""What can be measured of a trained network."""

from .along_training import AlongTraining
from .corruption_score import CorruptionScore
from .domain_score import DomainScore
from .feature_reliance import FeatureReliance
from .validation_error import ValidationError

__all__ = ['AlongTraining', 'CorruptionScore', 'DomainScore', 'FeatureReliance', 'ValidationError']
