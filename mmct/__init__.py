"""Counterbalancing Teacher (arXiv 2207.01548) as a plugin for mmpretrain.

Importing this package checks the installed mm stack and registers mmct's models, hooks and data
sets in mmpretrain's registries. Without a stack, ``corruptions``, ``evaluation``, ``report`` and
``theory`` work, and with torch ``score`` and ``diagnose`` do as well; almost
anything else, such as ``load``, raises an error that names what to install.
"""

import sys
from importlib import import_module
from typing import TYPE_CHECKING, Any

from .paths import config_path
from .registration import register
from .stack import RefusedModules, has_torch, installed_stack
from .version import __version__

if TYPE_CHECKING:  # `__getattr__` imports them
    from .scoring import Diagnosis as Diagnosis
    from .scoring import Scorecard as Scorecard
    from .scoring import diagnose as diagnose
    from .scoring import score as score
    from .zoo.loading import load as load

_LIGHT = ('corruptions', 'evaluation', 'report', 'theory')
_WITH_TORCH = ('scoring', 'runs.weights')
# Functions and classes, by the module that has them.
_FROM = {
    **dict.fromkeys(('Diagnosis', 'Scorecard', 'diagnose', 'score'), 'scoring'),
    'load': 'zoo.loading',
}
_WITH_STACK = (
    'corruption_sets', 'datasets', 'engine', 'methods', 'models', 'studies', 'teacher',
)  # fmt: skip
# Modules that need a stack, in packages that otherwise work without one.
_PARTS = (
    'cli.configs', 'cli.console', 'cli.studying', 'cli.testing', 'cli.training',
    'evaluation.metrics',
    'registered', 'runs.averages', 'runs.building', 'runs.checkpoint', 'runs.class_folders',
    'runs.configs', 'runs.divergence', 'runs.domains', 'runs.isolation', 'runs.progress_hook',
    'runs.quiet_logging', 'runs.reproducibility', 'runs.training_time',
    'scoring.accuracy', 'scoring.mm_network', 'scoring.rehearsal', 'zoo.loading',
)  # fmt: skip

__all__ = [
    '__version__', 'config_path', 'cli', 'runs', *_LIGHT, *_FROM, 'scoring', 'zoo', *_WITH_STACK,
]  # fmt: skip

if installed_stack() is None:
    _NEED_STACK = RefusedModules(f'{__name__}.{name}' for name in (*_WITH_STACK, *_PARTS))
    sys.meta_path.insert(0, _NEED_STACK)
    if not has_torch():
        _NEED_TORCH = RefusedModules((f'{__name__}.{name}' for name in _WITH_TORCH), 'torch')
        sys.meta_path.insert(0, _NEED_TORCH)
else:
    register()


def __getattr__(name: str) -> Any:
    # Imported on first use: some of these take seconds.
    if name in _FROM:
        return getattr(import_module(f'{__name__}.{_FROM[name]}'), name)
    if name in __all__:
        return import_module(f'{__name__}.{name}')
    raise AttributeError(f'module {__name__!r} has no attribute {name!r}')
