"""Errors on corrupted images: tables, calibration, intervals, files.

The metrics that mmpretrain registers are in :mod:`mmct.evaluation.metrics`; the rest needs
neither torch nor an mm stack.
"""

from .calibration_error import expected_calibration_error, rms_calibration_error
from .comparison import Comparison, compare, find_run
from .error_table import (
    ALEXNET,
    Reference,
    category_means,
    corruption_means,
    normalised_mce,
    raw_mce,
    relative_mce,
)
from .result_file import SCHEMA, SCHEMA_VERSION, make_result, read_result
from .summary import cell_score, mean_interval, summarise_cells, unpack_hits

__all__ = [
    'ALEXNET',
    'Comparison',
    'Reference',
    'SCHEMA',
    'SCHEMA_VERSION',
    'category_means',
    'cell_score',
    'compare',
    'corruption_means',
    'expected_calibration_error',
    'find_run',
    'make_result',
    'mean_interval',
    'normalised_mce',
    'raw_mce',
    'read_result',
    'relative_mce',
    'rms_calibration_error',
    'summarise_cells',
    'unpack_hits',
]
