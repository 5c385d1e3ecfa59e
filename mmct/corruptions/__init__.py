"""Corrupt images: 19 corruptions at 5 severities, those of the C-Bar sets, and your own.

The package needs neither torch nor mmengine.
"""

from .c_bar import C_BAR, C_BAR_SETS
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
from .registry import (
    OwnCorruption,
    categories_with,
    check_severities,
    identities,
    origin,
    own_among,
    register,
)

__all__ = [
    'BENCHMARK',
    'CATEGORIES',
    'CLEAN',
    'C_BAR',
    'C_BAR_SETS',
    'CORRUPTIONS',
    'Cell',
    'EXTRA',
    'OwnCorruption',
    'SEVERITIES',
    'categories_with',
    'check_corruption',
    'check_seed',
    'check_severities',
    'check_severity',
    'choose_corruptions',
    'choose_table',
    'corrupt',
    'identities',
    'origin',
    'own_among',
    'register',
]
