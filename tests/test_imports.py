"""Which package may import which."""

import ast
from pathlib import Path

import pytest

import mmct

ROOT = Path(mmct.__file__).parent
# Of ours, beside itself; of others that know models or runs, none.
ALLOWED = dict(
    corruptions=set(),
    datasets={'corruptions'},
    evaluation={'corruptions', 'version'},
    models=set(),
    report=set(),
    studies={'corruptions', 'datasets', 'engine', 'evaluation', 'models', 'report', 'version'},
    theory=set(),
)
FRAMEWORK = {'torch', 'mmengine', 'mmpretrain', 'mmcv'}
WITHOUT_FRAMEWORK = {'corruptions', 'evaluation', 'report', 'theory'}
# The files of evaluation that register something.
EXCEPT = {'corruption_error.py', 'domain_accuracy.py', '__init__.py'}


def imported(file):
    """Absolute names of the modules that a file imports."""
    package = ['mmct', *file.relative_to(ROOT).parts[:-1]]
    for node in ast.walk(ast.parse(file.read_text(encoding='utf-8'))):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            start = package[: len(package) - node.level + 1] if node.level else []
            yield '.'.join([*start, *([node.module] if node.module else [])])


@pytest.mark.parametrize('package', ALLOWED)
def test_packages_import_what_they_may(package):
    files = list((ROOT / package).rglob('*.py'))
    assert len(files) > 3
    for file in files:
        for name in imported(file):
            first, *rest = name.split('.')
            if first == 'mmct' and rest:
                assert rest[0] in {package, *ALLOWED[package]}, f'{file} imports {name}'
            if package in WITHOUT_FRAMEWORK and file.name not in EXCEPT:
                assert first not in FRAMEWORK, f'{file} imports {name}'
