"""Corruptions of images: 19 kinds at 5 severities, and one's own; no torch, no mmengine."""

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
