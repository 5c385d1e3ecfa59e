"""Score any network on all cells of a corruption set, in a run that survives interruption.

A cell is a corruption at a severity. This package needs torch, and an mm stack only for the
classifiers of mmpretrain.
"""

from .cells import score_cells
from .diagnosis import Diagnosis, diagnose
from .networks import TorchNetwork, as_network
from .recalibration import drawn_batches, reestimate_batch_norm
from .reliance import find_sites, measure_reliance
from .scorecard import Scorecard, score

__all__ = [
    'Diagnosis',
    'Scorecard',
    'TorchNetwork',
    'as_network',
    'diagnose',
    'drawn_batches',
    'find_sites',
    'measure_reliance',
    'reestimate_batch_norm',
    'score',
    'score_cells',
]
