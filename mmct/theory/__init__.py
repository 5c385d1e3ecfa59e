"""Why normalisation favours low-variance features: regression, in NumPy alone."""

from .min_norm import deviations, excess_risk, gradient_descent, min_norm, shares
from .ridgeless import relu_features, ridgeless_errors
from .simulation import Outcome, Setting, draw, median_interval, sweep
from .two_layer import CALIBRATIONS, hidden_scale, sweep_two_layer, two_layer

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
