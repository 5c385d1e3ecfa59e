"""Register mmct's classes without importing torch or an mm package early.

mmengine's registries import the modules in their list of locations when a name is first looked up.
mmpretrain registers its own classes this way, and so does mmct.
"""

import sys
from collections.abc import Callable
from functools import partial
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from types import ModuleType

REGISTRIES = 'mmpretrain.registry'


class ImportHook(MetaPathFinder):
    """Runs code of ours around that of a module, when the module is imported.

    Args:
        name (str): The module's.
        execute (Callable): Takes the module, and a function that runs its code.
    """

    def __init__(
        self, name: str, execute: Callable[[ModuleType, Callable[[], None]], None]
    ) -> None:
        self._name, self._execute = name, execute

    def find_spec(self, name: str, path: object = None, target: object = None) -> ModuleSpec | None:
        """Find the module as Python does.

        Args:
            name (str): Of the module that is imported.
            path (object, optional): See :class:`importlib.abc.MetaPathFinder`.
            target (object, optional): The same.

        Returns:
            ModuleSpec: None for any other module.
        """
        if name != self._name:
            return None
        sys.meta_path.remove(self)
        spec = find_spec(name)
        run = spec.loader.exec_module
        spec.loader.exec_module = lambda module: self._execute(module, partial(run, module))
        return spec


def _execute_and_add(module: ModuleType, run: Callable[[], None]) -> None:
    run()
    add_location(module)


def add_location(registries: ModuleType) -> None:
    """Add :mod:`mmct.registered` to the locations of mmpretrain's registries.

    Args:
        registries (ModuleType): The module that holds the registries, ``mmpretrain.registry``.
    """
    from mmengine.registry import Registry

    for registry in vars(registries).values():
        if isinstance(registry, Registry) and registry.scope == 'mmpretrain':
            registry._locations.append('mmct.registered')
            registry._imported = False  # import again if a name was already looked up


def register() -> None:
    """Make all classes of mmct available by name in mmpretrain's registries.

    The classes are imported when a name is first looked up.
    """
    if REGISTRIES in sys.modules:
        add_location(sys.modules[REGISTRIES])
    else:
        sys.meta_path.insert(0, ImportHook(REGISTRIES, _execute_and_add))
