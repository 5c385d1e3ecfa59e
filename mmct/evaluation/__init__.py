"""Errors on corrupted images and other domains: tables, calibration, intervals, files."""

from .bootstrap import mean_interval
from .calibration import expected_calibration_error, rms_calibration_error
from .cell_score import cell_score, unpack_hits
from .comparison import Comparison, compare, find_run
from .corruption_error import CorruptionError, flat
from .domain_accuracy import DomainAccuracy, accuracy_by_domain
from .error_table import (
    category_means,
    corruption_means,
    normalised_mce,
    raw_mce,
    relative_mce,
)
from .reference import ALEXNET, Reference
from .result_file import SCHEMA, SCHEMA_VERSION, make_result, read_result, to_csv
from .summary import summarise

__all__ = [
    'ALEXNET',
    'Comparison',
    'CorruptionError',
    'DomainAccuracy',
    'Reference',
    'SCHEMA',
    'SCHEMA_VERSION',
    'accuracy_by_domain',
    'category_means',
    'cell_score',
    'compare',
    'corruption_means',
    'expected_calibration_error',
    'find_run',
    'flat',
    'make_result',
    'mean_interval',
    'normalised_mce',
    'raw_mce',
    'read_result',
    'relative_mce',
    'rms_calibration_error',
    'summarise',
    'to_csv',
    'unpack_hits',
]
