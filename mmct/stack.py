"""Check that one complete and supported mm stack is installed, or none.

Two families of distributions provide the import names ``mmengine``, ``mmcv``
and ``mmpretrain``: the maintained ``onedl-*`` ones and the original OpenMMLab
ones. Installed together they overwrite each other's files without any error,
so pip cannot be left to notice.
"""

from collections.abc import Iterable, Mapping
from contextlib import suppress
from importlib import metadata
from importlib.abc import MetaPathFinder
from importlib.util import find_spec

from packaging.specifiers import SpecifierSet

RANGES: dict[str, dict[str, str]] = {
    'onedl': {
        'onedl-mmengine': '>=0.10.12,<0.11',
        'onedl-mmcv': '>=2.3.6,<2.4',
        'onedl-mmpretrain': '>=1.3.6,<1.4',
        'torch': '>=2.6',
    },
    'openmmlab': {
        'mmengine': '>=0.10.7,<0.11',
        'mmcv-lite': '>=2.2,<2.4',
        'mmpretrain': '>=1.2,<1.3',
        # mmengine 0.10 resolves `_base_ = ['mmpretrain::...']` with
        # pkg_resources, which setuptools 82 removed.
        'setuptools': '<82',
        'torch': '>=2.6',
    },
}
"""Supported versions by stack and distribution."""

_NEUTRAL = {'setuptools', 'torch'}  # their presence tells no stack
_STAND_INS = {'mmengine': 'mmengine-lite', 'mmcv-lite': 'mmcv'}
_DEFAULT = 'onedl'  # the maintained one


class StackError(ImportError):
    """No mm stack where one is needed, or not one that works; the message says what mends it."""


def check_stack(versions: Mapping[str, str]) -> str | None:
    """Name the mm stack among the installed distributions.

    Args:
        versions (Mapping[str, str]): Version of each installed distribution
            by its normalized name. Distributions that no stack asks for are
            ignored.

    Returns:
        str: ``'onedl'`` or ``'openmmlab'``; None if there is no distribution of either.

    Raises:
        StackError: If there is more than one stack, or one with a distribution missing or out of
            range. The message is one line: what was found and the command that mends it.
    """
    found = {stack: _installed(stack, versions) for stack in RANGES}
    present = [stack for stack, names in found.items() if set(names) - _NEUTRAL]
    if len(present) > 1:
        mixed = [n for stack in present for n in found[stack] if n not in _NEUTRAL]
        raise StackError(
            'mmct: distributions of both mm stacks are installed and overwrite '
            f'each other: {_listing(mixed, versions)}. Uninstalling some removes '
            'files that the others share, so remove all and reinstall one stack: '
            f'pip uninstall -y {" ".join(mixed)} && {_install(RANGES[_DEFAULT])}'
        )

    if not present:
        return None
    stack = present[0]
    wrong = _wrong(stack, versions)
    if wrong:
        raise StackError(
            f'mmct: the {stack} stack is incomplete or out of range; found: '
            f'{_listing(found[stack], versions)}; mend it with: {_install(wrong)}'
        )
    return stack


def installed_stack() -> str | None:
    """Name the mm stack that is installed in this environment.

    Returns:
        str: As :func:`check_stack`.

    Raises:
        StackError: As :func:`check_stack`.
    """
    versions = {}
    for name in {name for slots in RANGES.values() for slot in slots for name in _names(slot)}:
        with suppress(metadata.PackageNotFoundError):
            versions[name] = metadata.version(name)
    return check_stack(versions)


def has_torch() -> bool:
    """Tell if torch is installed, without importing it."""
    try:
        return find_spec('torch') is not None
    except ImportError:
        return False


class RefusedModules(MetaPathFinder):
    """Refuses in one line to import modules that need what is not installed.

    Args:
        names (Iterable[str]): Modules and packages, with all that is below them.
        need (str): 'an mm stack' or 'torch'. Defaults to 'an mm stack'.
    """

    def __init__(self, names: Iterable[str], need: str = 'an mm stack') -> None:
        self.names = tuple(f'{name}.' for name in names)
        self.need = need

    def find_spec(self, name: str, path: object = None, target: object = None) -> None:
        """Raise for these modules; leave all others to Python.

        Args:
            name (str): The module that is imported.
            path (object): Not used.
            target (object): Not used.

        Raises:
            StackError: If the module is one of these.
        """
        if f'{name}.'.startswith(self.names):
            extra = 'torch' if self.need == 'torch' else _DEFAULT
            raise StackError(
                f'mmct: {name} needs {self.need}, which is not installed; '
                f'mend it with: pip install "mmct[{extra}]"'
            )


def _names(slot: str) -> list[str]:
    """List the distributions that fill one row of the table."""
    return [slot, _STAND_INS[slot]] if slot in _STAND_INS else [slot]


def _installed(stack: str, versions: Mapping[str, str]) -> list[str]:
    """List the distributions of a stack that are installed."""
    return [name for slot in RANGES[stack] for name in _names(slot) if name in versions]


def _wrong(stack: str, versions: Mapping[str, str]) -> dict[str, str]:
    """Map what is missing or out of range to the range it should have."""
    wrong = {}
    for slot, allowed in RANGES[stack].items():
        # prereleases: vendors' builds of torch are called 2.7.0a0+...
        fits = SpecifierSet(allowed, prereleases=True)
        for name in [name for name in _names(slot) if name in versions] or [slot]:
            if name not in versions or versions[name] not in fits:
                wrong[name] = allowed
    return wrong


def _listing(names: Iterable[str], versions: Mapping[str, str]) -> str:
    """Write distributions with their versions for a message."""
    return ', '.join(f'{name} {versions[name]}' for name in names) or 'nothing'


def _install(ranges: Mapping[str, str]) -> str:
    """Write the command that installs distributions within their ranges."""
    # Double quotes: POSIX shells and cmd.exe both understand them.
    return 'pip install ' + ' '.join(f'"{n}{r}"' for n, r in ranges.items())
