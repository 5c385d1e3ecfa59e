"""Check that one complete and supported mm stack is installed.

Two families of distributions provide the import names ``mmengine``, ``mmcv``
and ``mmpretrain``: the maintained ``onedl-*`` ones and the original OpenMMLab
ones. Installed together they overwrite each other's files without any error,
so pip cannot be left to notice.
"""

from collections.abc import Iterable, Mapping
from importlib import metadata

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

_NEUTRAL = ('setuptools', 'torch')  # their presence tells no stack
_STAND_INS = {'mmengine': 'mmengine-lite', 'mmcv-lite': 'mmcv'}
_DEFAULT = 'onedl'  # the maintained one


def check_stack(versions: Mapping[str, str]) -> str:
    """Name the mm stack among the installed distributions.

    Args:
        versions (Mapping[str, str]): Version of each installed distribution
            by its normalized name. Distributions that no stack asks for are
            ignored.

    Returns:
        str: ``'onedl'`` or ``'openmmlab'``.

    Raises:
        ImportError: If there is no stack, more than one, or one with a
            distribution missing or out of range. The message is one line: what
            was found and the command that mends it.
    """
    found = {stack: _members(stack, versions) for stack in RANGES}
    present = [stack for stack, members in found.items() if members]
    if len(present) > 1:
        members = [name for stack in present for name in found[stack]]
        raise ImportError(
            'mmct: distributions of both mm stacks are installed and '
            f'overwrite each other: {_listing(members, versions)}. '
            'Uninstalling some removes files that the others share, so '
            'remove all and reinstall one stack: '
            f'pip uninstall -y {" ".join(members)} && '
            f'{_install(RANGES[_DEFAULT])}'
        )

    stack = present[0] if present else _DEFAULT
    wrong = _wrong(stack, versions)
    if wrong:
        members = [*found[stack], *(n for n in _NEUTRAL if n in versions)]
        state = f'the {stack} stack is not usable' if present else 'no mm stack'
        raise ImportError(
            f'mmct: {state}; found: {_listing(members, versions)}; '
            f'mend it with: {_install(wrong)}'
        )
    return stack


def installed_stack() -> str:
    """Name the mm stack that is installed in this environment.

    Returns:
        str: ``'onedl'`` or ``'openmmlab'``.

    Raises:
        ImportError: As :func:`check_stack`.
    """
    versions = {}
    for name in {*_STAND_INS.values(), *(n for r in RANGES.values() for n in r)}:
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return check_stack(versions)


def _members(stack: str, versions: Mapping[str, str]) -> list[str]:
    """List the installed distributions that belong to one stack alone."""
    return [
        name
        for slot in RANGES[stack]
        if slot not in _NEUTRAL
        for name in (slot, _STAND_INS.get(slot))
        if name in versions
    ]


def _wrong(stack: str, versions: Mapping[str, str]) -> dict[str, str]:
    """Map what is missing or out of range to the range it should have."""
    wrong = {}
    for slot, allowed in RANGES[stack].items():
        names = (slot, _STAND_INS.get(slot))
        for name in [n for n in names if n in versions] or [slot]:
            fits = name in versions and versions[name] in SpecifierSet(allowed)
            if not fits:
                wrong[name] = allowed
    return wrong


def _listing(names: Iterable[str], versions: Mapping[str, str]) -> str:
    """Write distributions with their versions for a message."""
    return ', '.join(f'{name} {versions[name]}' for name in names) or 'nothing'


def _install(ranges: Mapping[str, str]) -> str:
    """Write the command that installs distributions within their ranges."""
    # Double quotes: POSIX shells and cmd.exe both understand them.
    return 'pip install ' + ' '.join(f'"{n}{r}"' for n, r in ranges.items())
