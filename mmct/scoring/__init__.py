"""Score any network on all cells of a corruption set, in one run that can be killed.

It needs torch, and an mm stack for classifiers of mmpretrain's alone.
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
