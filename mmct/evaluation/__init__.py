"""Compute errors on corrupted images, calibration and intervals, and read result files.

The metrics that mmpretrain registers are in :mod:`mmct.evaluation.metrics`; the rest needs
neither torch nor an mm stack.
"""

from .calibration_error import expected_calibration_error, rms_calibration_error
from .comparison import Comparison, compare, find_run, plain_bn
from .diagnosis import diagnose
from .error_table import (
    ALEXNET,
    Reference,
    category_means,
    corruption_means,
    normalised_mce,
    raw_mce,
    relative_mce,
)
from .known_errors import known_share
from .predictions import Predictions, make_predictions, unpack_predictions
from .probability_scores import (
    adaptive_calibration_error,
    area_under_risk_coverage,
    brier_score,
    classwise_calibration_error,
    confidence_scores,
    fit_temperature,
    probability_scores,
    tempered,
)
from .result_file import labels_of, make_result, read_result
from .summary import cell_score, mean_estimate, mean_interval, summarise_cells, unpack_hits

__all__ = [
    'ALEXNET',
    'Comparison',
    'Predictions',
    'Reference',
    'adaptive_calibration_error',
    'area_under_risk_coverage',
    'brier_score',
    'category_means',
    'cell_score',
    'classwise_calibration_error',
    'compare',
    'confidence_scores',
    'corruption_means',
    'diagnose',
    'expected_calibration_error',
    'find_run',
    'fit_temperature',
    'known_share',
    'labels_of',
    'make_predictions',
    'make_result',
    'mean_estimate',
    'mean_interval',
    'normalised_mce',
    'plain_bn',
    'probability_scores',
    'raw_mce',
    'read_result',
    'relative_mce',
    'rms_calibration_error',
    'summarise_cells',
    'tempered',
    'unpack_hits',
    'unpack_predictions',
]
