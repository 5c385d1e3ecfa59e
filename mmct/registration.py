"""Registers our classes without importing torch or an mm package before somebody else does.

mmengine's registries import the modules in their list of locations when a name is first looked up.
So mmpretrain's own classes get into them, and so do ours.
"""

import sys
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from types import ModuleType

REGISTRIES = 'mmpretrain.registry'


class _Registration(MetaPathFinder):
    """Notices that mmpretrain's registries are imported, and adds ours to their locations."""

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
    """Make mmpretrain's registries import what registers of ours.

    Args:
        registries (ModuleType): Holds them, as ``mmpretrain.registry`` does.
    """
    from mmengine.registry import Registry

    for registry in vars(registries).values():
        if isinstance(registry, Registry) and registry.scope == 'mmpretrain':
            registry._locations.append('mmct.registered')
            registry._imported = False  # looked up before: once more


def register() -> None:
    """Make all classes of mmct known to mmpretrain's registries, by name.

    What registers is imported when a name is first looked up.
    """
    if REGISTRIES in sys.modules:
        add_location(sys.modules[REGISTRIES])
    else:
        sys.meta_path.insert(0, _Registration())
