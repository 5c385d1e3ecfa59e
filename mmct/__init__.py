"""Counterbalancing Teacher (arXiv 2207.01548) as a plugin for mmpretrain.

Importing this package checks the installed stack and registers the models,
hooks and datasets into the registries of mmpretrain.
"""

from .stack import installed_stack

# Before the subpackages: they import mmpretrain, and on a broken stack that
# fails with an error which does not say how to mend it.
installed_stack()

from . import datasets, engine, evaluation, methods, models  # noqa: E402
from .evaluation import metrics as _metrics  # noqa: E402, F401
from .paths import config_path  # noqa: E402
from .version import __version__  # noqa: E402

__all__ = ['__version__', 'config_path', 'datasets', 'engine', 'evaluation', 'methods', 'models']
