"""Counterbalancing Teacher (arXiv 2207.01548) as a plugin for mmpretrain.

Importing this package checks the installed mm stack and registers the models, hooks and data sets
in mmpretrain's registries. Where no stack is installed, ``corruptions``, ``evaluation``,
``report`` and ``theory`` work, and with torch ``score`` and ``diagnose``; what needs a stack says
so when it is imported.
"""

import sys
from importlib import import_module
from typing import Any

from .paths import config_path
from .registration import register
from .stack import RefusedModules, has_torch, installed_stack
from .version import __version__

_LIGHT = ('corruptions', 'evaluation', 'report', 'theory')
_WITH_TORCH = ('scoring', 'runs.weights')
# Looked up in that room.
_SCORING = ('Diagnosis', 'Scorecard', 'diagnose', 'score')
_WITH_STACK = (
    'corruption_sets', 'datasets', 'engine', 'methods', 'models', 'studies', 'teacher',
)  # fmt: skip
# Parts of rooms that need none else.
_PARTS = (
    'cli.configs', 'cli.console', 'cli.studying', 'cli.testing', 'cli.training',
    'evaluation.metrics',
    'registered', 'runs.building', 'runs.checkpoint', 'runs.class_folders', 'runs.configs',
    'runs.divergence', 'runs.domains',
    'runs.isolation', 'runs.progress_hook', 'runs.quiet_logging', 'runs.reproducibility',
    'scoring.accuracy', 'scoring.mm_network', 'scoring.rehearsal',
)  # fmt: skip

__all__ = [
    '__version__', 'config_path', 'cli', 'runs', *_LIGHT, *_SCORING, 'scoring', *_WITH_STACK,
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
    # When it is used: some of these take seconds to import.
    if name in _SCORING:
        return getattr(import_module(f'{__name__}.scoring'), name)
    if name in __all__:
        return import_module(f'{__name__}.{name}')
    raise AttributeError(f'module {__name__!r} has no attribute {name!r}')
