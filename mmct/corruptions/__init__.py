"""Corruptions of images: 19 kinds at 5 severities; knows neither torch nor mmengine."""

from .corrupt import corrupt
from .names import (
    BENCHMARK,
    CATEGORIES,
    CLEAN,
    CORRUPTIONS,
    EXTRA,
    SEVERITIES,
    Cell,
    check_corruption,
    check_seed,
    check_severity,
    choose_corruptions,
    choose_table,
)

__all__ = [
    'BENCHMARK',
    'CATEGORIES',
    'CLEAN',
    'CORRUPTIONS',
    'Cell',
    'EXTRA',
    'SEVERITIES',
    'check_corruption',
    'check_seed',
    'check_severity',
    'choose_corruptions',
    'choose_table',
    'corrupt',
]
