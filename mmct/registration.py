"""Register mmct's classes without importing torch or an mm package early.

mmengine's registries import the modules in their list of locations when a name is first looked up.
mmpretrain registers its own classes this way, and so does mmct.
"""

import sys
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from types import ModuleType

REGISTRIES = 'mmpretrain.registry'


class _Registration(MetaPathFinder):
    """Import hook that adds mmct to the locations of mmpretrain's registries."""

    def find_spec(self, name: str, path: object = None, target: object = None) -> ModuleSpec | None:
        if name != REGISTRIES:
            return None
        sys.meta_path.remove(self)
        spec = find_spec(name)
        execute = spec.loader.exec_module

        def execute_and_add(module: ModuleType) -> None:
            execute(module)
            add_location(module)

        spec.loader.exec_module = execute_and_add
        return spec


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
        sys.meta_path.insert(0, _Registration())
