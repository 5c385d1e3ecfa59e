"""Score a network on all cells of a corruption set, in one run that can be killed."""

from .accuracy import Accuracy, evaluate
from .predictor import drawn_batches
from .rehearsal import rehearse_scoring
from .scorecard import score

__all__ = [
    'Accuracy',
    'drawn_batches',
    'evaluate',
    'rehearse_scoring',
    'score',
]
