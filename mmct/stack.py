"""Check that one complete and supported mm stack is installed, or none.

An mm stack is a set of distributions that provides the import names
``mmengine``, ``mmcv`` and ``mmpretrain``. There are two: the maintained
``onedl-*`` distributions and the original OpenMMLab ones. Installed together,
they overwrite each other's files, and pip reports no error.
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

_NEUTRAL = {'setuptools', 'torch'}  # both stacks need them
_STAND_INS = {'mmengine': 'mmengine-lite', 'mmcv-lite': 'mmcv'}
_DEFAULT = 'onedl'  # the maintained one


class StackError(ImportError):
    """Raised if the mm stack is missing, incomplete or mixed; the message gives the remedy."""


def check_stack(versions: Mapping[str, str]) -> str | None:
    """Name the mm stack among the installed distributions.

    Args:
        versions (Mapping[str, str]): Version of each installed distribution
            by its normalized name. Distributions that belong to no stack are
            ignored.

    Returns:
        str: ``'onedl'`` or ``'openmmlab'``; None if no distribution of either is installed.

    Raises:
        StackError: If both stacks are installed, or if a distribution of one is missing or out
            of range. The message is one line that names what was found and the command that
            fixes it.
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
            f'{_listing(found[stack], versions)}; fix it with: {_install(wrong)}'
        )
    return stack


def installed_stack() -> str | None:
    """Name the mm stack that is installed in this environment.

    Returns:
        str: See :func:`check_stack`.

    Raises:
        StackError: See :func:`check_stack`.
    """
    versions = {}
    for name in {name for slots in RANGES.values() for slot in slots for name in _names(slot)}:
        with suppress(metadata.PackageNotFoundError):
            versions[name] = metadata.version(name)
    return check_stack(versions)


def has_torch() -> bool:
    """Check whether torch is installed, without importing it."""
    try:
        return find_spec('torch') is not None
    except ImportError:
        return False


class RefusedModules(MetaPathFinder):
    """Import hook that refuses modules whose requirements are not installed.

    Args:
        names (Iterable[str]): Full names of the modules; a package includes all of its modules.
        need (str): The missing requirement, 'an mm stack' or 'torch'. Defaults to 'an mm stack'.
    """

    def __init__(self, names: Iterable[str], need: str = 'an mm stack') -> None:
        self.names = tuple(f'{name}.' for name in names)
        self.need = need

    def find_spec(self, name: str, path: object = None, target: object = None) -> None:
        """Raise an error for the refused modules and leave all others to Python.

        Args:
            name (str): Full name of the module that is imported.
            path (object): Unused.
            target (object): Unused.

        Raises:
            StackError: If the module is refused.
        """
        if f'{name}.'.startswith(self.names):
            extra = 'torch' if self.need == 'torch' else _DEFAULT
            raise StackError(
                f'mmct: {name} needs {self.need}, which is not installed; '
                f"fix it in a checkout of mmct with: pip install '.[{extra}]'"
            )


def _names(slot: str) -> list[str]:
    """List the distributions that fill one row of the table."""
    return [slot, _STAND_INS[slot]] if slot in _STAND_INS else [slot]


def _installed(stack: str, versions: Mapping[str, str]) -> list[str]:
    """List the distributions of a stack that are installed."""
    return [name for slot in RANGES[stack] for name in _names(slot) if name in versions]


def _wrong(stack: str, versions: Mapping[str, str]) -> dict[str, str]:
    """Map each distribution that is missing or out of range to its supported range."""
    wrong = {}
    for slot, allowed in RANGES[stack].items():
        # Prereleases count: vendors' builds of torch have versions such as 2.7.0a0+...
        fits = SpecifierSet(allowed, prereleases=True)
        for name in [name for name in _names(slot) if name in versions] or [slot]:
            if name not in versions or versions[name] not in fits:
                wrong[name] = allowed
    return wrong


def _listing(names: Iterable[str], versions: Mapping[str, str]) -> str:
    """Format distributions and their versions for a message."""
    return ', '.join(f'{name} {versions[name]}' for name in names) or 'nothing'


def _install(ranges: Mapping[str, str]) -> str:
    """Build the command that installs distributions within their ranges."""
    # POSIX shells and cmd.exe both understand double quotes.
    return 'pip install ' + ' '.join(f'"{n}{r}"' for n, r in ranges.items())
