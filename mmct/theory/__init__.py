"""Show by regression why normalisation favours low-variance features, with NumPy and SciPy."""

from .experiments import (
    CALIBRATIONS,
    Outcome,
    Setting,
    draw,
    hidden_scale,
    median_interval,
    relu_features,
    ridgeless_errors,
    sweep,
    sweep_two_layer,
    two_layer,
)
from .min_norm import deviations, excess_risk, gradient_descent, min_norm, shares

__all__ = [
    'CALIBRATIONS',
    'Outcome',
    'Setting',
    'deviations',
    'draw',
    'excess_risk',
    'gradient_descent',
    'hidden_scale',
    'median_interval',
    'min_norm',
    'relu_features',
    'ridgeless_errors',
    'shares',
    'sweep',
    'sweep_two_layer',
    'two_layer',
]
