"""Score any network on all cells of a corruption set, in one run that can be killed.

It needs torch, and an mm stack for classifiers of mmpretrain's alone.
"""

from .cells import score_cells
from .networks import TorchNetwork, as_network
from .recalibration import drawn_batches, reestimate_batch_norm
from .scorecard import Scorecard, score

__all__ = [
    'Scorecard',
    'TorchNetwork',
    'as_network',
    'drawn_batches',
    'reestimate_batch_norm',
    'score',
    'score_cells',
]
