"""Score a network on all cells of a corruption set, in one run that can be killed."""

from .accuracy import Accuracy, evaluate
from .predictor import drawn_batches
from .score import Scoring, score

__all__ = [
    'Accuracy',
    'Scoring',
    'drawn_batches',
    'evaluate',
    'score',
]
