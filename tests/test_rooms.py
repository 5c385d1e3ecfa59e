"""Imports go downwards: which room may import which, and which must stay light."""

import ast
from pathlib import Path

import pytest

import mmct

ROOT = Path(mmct.__file__).parent
# From below; a room may import those in the lines before its own, and of its own line itself.
FLOORS = [
    [
        'version', 'messages', 'stack', 'paths', 'registration', 'folders', 'image_content',
        'modes', 'own_functions', 'allocator',
    ],  # fmt: skip
    ['records'],
    ['corruptions', 'evaluation', 'report', 'theory'],
    ['models'],
    ['runs'],
    ['datasets', 'zoo'],
    ['scoring'],
    ['teacher', 'methods', 'corruption_sets'],
    ['engine'],
    ['registered'],
    ['studies'],
    ['cli'],
]
BOTTOM = {*FLOORS[0], *FLOORS[1]}
# Besides the top-level files, which all may import.
MAY_IMPORT = dict.fromkeys([*FLOORS[2], 'models'], set())
LIGHT = [*FLOORS[1], *FLOORS[2]]
# Thin over the arithmetic beside it, and imported only where a stack is.
REGISTERED = ROOT / 'evaluation' / 'metrics.py'
HEAVY = {'torch', 'torchvision', 'mmengine', 'mmcv', 'mmpretrain', 'sklearn'}


def is_typing(test):
    return 'TYPE_CHECKING' in (getattr(test, 'id', None), getattr(test, 'attr', None))


def at_import(tree):
    """The nodes that run when a module is imported."""
    waiting = list(tree.body)
    while waiting:
        node = waiting.pop()
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
            continue
        if isinstance(node, ast.If) and is_typing(node.test):
            continue
        yield node
        waiting += ast.iter_child_nodes(node)


def imported(file, nodes):
    """Absolute names of what is imported, also ``mmct.room`` of ``from mmct import room``."""
    package = ['mmct', *file.relative_to(ROOT).parts[:-1]]
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            start = package[: len(package) - node.level + 1] if node.level else []
            module = '.'.join([*start, *([node.module] if node.module else [])])
            yield from (f'{module}.{name.name}' for name in node.names)


def room_of(file):
    return file.relative_to(ROOT).parts[0].removesuffix('.py')


def parsed(file):
    return ast.parse(file.read_text(encoding='utf-8'))


FILES = sorted(file for file in ROOT.rglob('*.py') if file != ROOT / '__init__.py')
ROOMS = [room for floor in FLOORS for room in floor]


def allowed(room):
    number = next(n for n, floor in enumerate(FLOORS) if room in floor)
    below = {other for floor in FLOORS[:number] for other in floor}
    return {room} | (MAY_IMPORT[room] | BOTTOM if room in MAY_IMPORT else below)


def test_each_file_is_in_a_room():
    assert {room_of(file) for file in FILES} == set(ROOMS)


@pytest.mark.parametrize('room', ROOMS)
def test_a_room_imports_only_what_is_below_it(room):
    wrong = []
    for file in FILES:
        if room_of(file) != room:
            continue
        may = allowed(room)
        for name in imported(file, ast.walk(parsed(file))):
            first, *rest = name.split('.')
            if first == 'mmct' and rest and rest[0] in ROOMS and rest[0] not in may:
                wrong.append(f'{file.relative_to(ROOT)} imports {name}')
    assert not wrong


@pytest.mark.parametrize('room', [*FLOORS[0], *LIGHT])
def test_a_light_room_needs_no_framework(room):
    wrong = []
    for file in FILES:
        if room_of(file) == room and file != REGISTERED:
            names = imported(file, at_import(parsed(file)))
            found = {name for name in names if name.split('.')[0] in HEAVY}
            wrong += [f'{file.relative_to(ROOT)} imports {name}' for name in found]
    assert not wrong


def test_nothing_imports_the_tools():
    names = {name for file in FILES for name in imported(file, ast.walk(parsed(file)))}
    assert not {name for name in names if name.split('.')[0] == 'tools'}
