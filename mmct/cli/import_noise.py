"""Hide messages that an mm stack prints on import and that no user can act on."""

import io
import re
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stdout
from types import ModuleType

from mmct.registration import ImportHook

# mmcv looks for operators that classification does not use. mmengine and mim look for packages
# through a deprecated API of setuptools, which mmct therefore pins.
_WARNINGS = (
    'Fail to import ``MultiScaleDeformableAttention``',
    'pkg_resources is deprecated as an API',
)
# This line is about an optional data set; the package of all data sets prints it.
_PRINTED, _PRINTS = 'Could not import OneDL', 'mmpretrain.datasets'


@contextmanager
def quiet_imports() -> Iterator[None]:
    """Hide these messages of imports within the block; all others are printed."""
    hook = ImportHook(_PRINTS, _without_noise)
    sys.meta_path.insert(0, hook)
    try:
        with warnings.catch_warnings():
            for text in _WARNINGS:
                warnings.filterwarnings('ignore', re.escape(text))
            yield
    finally:
        if hook in sys.meta_path:
            sys.meta_path.remove(hook)


def _without_noise(module: ModuleType, run: Callable[[], None]) -> None:
    printed = io.StringIO()
    try:
        with redirect_stdout(printed):
            run()
    finally:
        for line in printed.getvalue().splitlines():
            if line != _PRINTED:
                print(line)
