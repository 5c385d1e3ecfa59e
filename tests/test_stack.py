"""Tests of mmct.stack."""

import runpy
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest
import setuptools
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.version import Version

from mmct.stack import RANGES, StackError, check_stack, installed_stack

SETUP = Path(__file__).parents[1] / 'setup.py'
ONEDL = {
    'onedl-mmengine': '0.10.12',
    'onedl-mmcv': '2.3.6',
    'onedl-mmpretrain': '1.3.6',
    'setuptools': '84.2.1',
    'torch': '2.14.1+cpu',
}
OPENMMLAB = {
    'mmengine': '0.10.7',
    'mmcv-lite': '2.2.0',
    'mmpretrain': '1.2.0',
    'setuptools': '81.0.0',
    'torch': '2.14.1',
}


def without(versions: dict[str, str], *names: str) -> dict[str, str]:
    return {name: version for name, version in versions.items() if name not in names}


@pytest.mark.parametrize(
    ('versions', 'stack'),
    [
        (ONEDL, 'onedl'),
        (without(ONEDL, 'setuptools'), 'onedl'),
        ({**ONEDL, 'torch': '2.7.0a0+vendor'}, 'onedl'),
        ({**ONEDL, 'numpy': '1.0'}, 'onedl'),
        (OPENMMLAB, 'openmmlab'),
        ({}, None),
        (dict(torch='2.14.1', setuptools='84.2.1'), None),
        ({**without(OPENMMLAB, 'mmcv-lite'), 'mmcv': '2.2.0'}, 'openmmlab'),
        ({**without(OPENMMLAB, 'mmengine'), 'mmengine-lite': '0.10.7'}, 'openmmlab'),
    ],
)
def test_names_a_good_stack_or_none(versions, stack):
    assert check_stack(versions) == stack


@pytest.mark.parametrize(
    ('versions', 'found', 'command'),
    [
        pytest.param(
            without(ONEDL, 'onedl-mmcv'),
            'onedl-mmengine 0.10.12, onedl-mmpretrain 1.3.6',
            'pip install "onedl-mmcv>=2.3.6,<2.4"',
            id='onedl incomplete',
        ),
        pytest.param(
            without(OPENMMLAB, 'mmengine', 'mmpretrain'),
            'mmcv-lite 2.2.0',
            'pip install "mmengine>=0.10.7,<0.11" "mmpretrain>=1.2,<1.3"',
            id='openmmlab incomplete',
        ),
        pytest.param(
            {**ONEDL, 'onedl-mmcv': '2.4.0', 'onedl-mmengine': '0.10.11'},
            'onedl-mmengine 0.10.11, onedl-mmcv 2.4.0',
            'pip install "onedl-mmengine>=0.10.12,<0.11" "onedl-mmcv>=2.3.6,<2.4"',
            id='onedl out of range',
        ),
        pytest.param(
            {**without(OPENMMLAB, 'mmcv-lite'), 'mmcv': '2.1.0'},
            'mmcv 2.1.0',
            'pip install "mmcv>=2.2,<2.4"',
            id='stand-in out of range',
        ),
        pytest.param(
            {**OPENMMLAB, 'mmcv': '1.7.0'},
            'mmcv-lite 2.2.0, mmcv 1.7.0',
            'pip install "mmcv>=2.2,<2.4"',
            id='stand-in out of range beside a good one',
        ),
        pytest.param(
            {**OPENMMLAB, 'setuptools': '82.0.0'},
            'setuptools 82.0.0',
            'pip install "setuptools<82"',
            id='setuptools without pkg_resources',
        ),
        pytest.param(
            without(OPENMMLAB, 'setuptools'),
            'mmpretrain 1.2.0',
            'pip install "setuptools<82"',
            id='no setuptools',
        ),
        pytest.param(
            {**ONEDL, 'torch': '2.5.1'}, 'torch 2.5.1', 'pip install "torch>=2.6"', id='old torch'
        ),
    ],
)
def test_bad_stack_is_named_with_its_mend_in_one_line(versions, found, command):
    with pytest.raises(StackError) as error:
        check_stack(versions)
    message = str(error.value)
    assert found in message
    assert message.endswith(f'fix it with: {command}')
    assert '\n' not in message


@pytest.mark.parametrize('intruder', ['mmengine', 'mmengine-lite', 'mmcv', 'mmcv-lite'])
def test_one_distribution_of_the_other_family_is_a_mixture(intruder):
    with pytest.raises(StackError) as error:
        check_stack({**ONEDL, intruder: '2.2.0'})
    message = str(error.value)
    members = f'onedl-mmengine onedl-mmcv onedl-mmpretrain {intruder}'
    assert f'{intruder} 2.2.0' in message
    assert 'share' in message
    assert f'pip uninstall -y {members} && pip install "onedl-mmengine>=' in message
    assert '\n' not in message


def test_reads_the_environment(monkeypatch):
    def version(name: str) -> str:
        if name in OPENMMLAB:
            return OPENMMLAB[name]
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, 'version', version)
    assert installed_stack() == 'openmmlab'
    monkeypatch.setitem(OPENMMLAB, 'mmcv', '1.7.0')
    with pytest.raises(StackError, match='mmcv 1.7.0'):
        installed_stack()


def test_import_of_mmct_refuses_a_mixture_before_it_is_imported():
    program = (
        'import sys\n'
        'from importlib import metadata\n'
        "known = dict({'onedl-mmcv': '2.3.6', 'mmcv': '2.2.0'})\n"
        'def version(name):\n'
        '    if name in known: return known[name]\n'
        '    raise metadata.PackageNotFoundError(name)\n'
        'metadata.version = version\n'
        'try: import mmct\n'
        'except ImportError as error: print(error)\n'
        "print({'mmengine', 'torch'} & set(sys.modules))\n"
    )
    output = subprocess.run(
        [sys.executable, '-c', program],
        cwd=SETUP.parent,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()
    assert len(output) == 2
    assert output[0].startswith('mmct: distributions of both mm stacks are installed')
    assert output[1] == 'set()'


def bounds(specifiers: SpecifierSet) -> tuple[Version, Version]:
    """Lowest and highest version that specifiers of our three kinds allow."""
    low, high = Version('0'), Version('99999')
    for specifier in specifiers:
        version = Version(specifier.version)
        assert specifier.operator in ('==', '>=', '<')
        if specifier.operator in ('==', '>='):
            low = version
        if specifier.operator in ('==', '<'):
            high = version
    return low, high


@pytest.mark.parametrize('stack', RANGES)
def test_extras_of_setup_lie_inside_the_ranges(stack, monkeypatch):
    arguments = {}
    monkeypatch.setattr(setuptools, 'setup', lambda **kwargs: arguments.update(kwargs))
    runpy.run_path(str(SETUP))
    lines = [*arguments['install_requires'], *arguments['extras_require'][stack]]
    asked = {r.name: bounds(r.specifier) for r in map(Requirement, lines)}
    for name, allowed in RANGES[stack].items():
        low, high = bounds(SpecifierSet(allowed))
        assert low <= asked[name][0]
        assert asked[name][1] <= high
