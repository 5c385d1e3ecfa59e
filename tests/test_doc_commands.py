"""The commands and the Python of README and docs are those that mmct takes, and run."""

import ast
import json
import re
import shlex
import sys
from collections.abc import Collection, Iterator
from dataclasses import fields
from functools import partial
from importlib import import_module
from inspect import Parameter, signature
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

import mmengine.registry
import mmpretrain.registry
import numpy as np
import pytest
import scorecards
import torch
from tool_runs import DATA, NET, ROOT

import mmct
from mmct.cli.configs import merge_cfg_options
from mmct.cli.main import main
from mmct.cli.testing import merge_args as merge_into_test
from mmct.cli.training import merge_args as merge_into_training
from mmct.runs.configs import load_config
from mmct.runs.files import write_json
from mmct.runs.isolation import isolated
from mmct.studies import FIGURES, SCORES, TABLES
from mmct.teacher import TeacherRecipe

PAGES = sorted(
    path.relative_to(ROOT).as_posix()
    for path in (
        *ROOT.glob('*.md'), *(ROOT / 'docs').rglob('*.md'), *(ROOT / 'configs').rglob('*.md')
    )
)  # fmt: skip
# The pages whose commands say what they need, and whose Python is executed. The others report what
# was measured, or have tests of their own.
GUIDES = [
    f'docs/{name}.md'
    for name in (
        'usage', 'long_runs', 'evaluation', 'corruptions', 'data', 'diagnosis', 'studies',
        'domain_generalization', 'methods', 'architectures',
    )
]  # fmt: skip
# What a reader puts something else in place of, such as CONFIG, RESULT.json or [RESULT.json ...].
PLACEHOLDER = re.compile(r'\[?([A-Z][A-Z_]+(\.\w+)?|\.\.\.\])')
NEEDS = re.compile(r'# (needs|takes) ')
# Programs that are not ours.
OTHERS = {'mim', 'pip', 'python'}
# The scripts of tools/, by the command that each is.
SCRIPTS = {
    path.name: re.search(r'from mmct\.cli\.(\w+) import', path.read_text())[1]
    for path in (ROOT / 'tools').glob('*.py')
}
TINY = ('--cfg-options', *NET, *DATA)
FEW = ('--corruptions', 'fog', '--severities', '1', '--jobs', '1')
# Run as they are in the docs, one after the other, made small by further options.
RUN = {
    'mmct train mmct::bn_resnet18_digits.py': (*TINY, 'train_cfg.max_epochs=1'),
    'mmct test mmct::bn_resnet18_digits.py work_dirs/bn_resnet18_digits/epoch_10.pth '
    '--corruptions generated --severities 3': (*TINY, '--only', 'fog', '--no-report'),
    'mmct test foggy.py CHECKPOINT': ('--cfg-options', *NET),
    'mmct test rainy.py CHECKPOINT --corruptions generated --only rain': (*TINY, '--no-report'),
    'mmct corrupt mmct::bn_resnet18_digits.py data/digits_c': FEW,
    'mmct corrupt rainy.py data/rainy --corruptions rain': FEW[2:],
    'mmct study my_study.py --dry-run': (),
}
MADE = (
    'work_dirs/bn_resnet18_digits/scorecard_generated_epoch_10.json', 'data/digits_c/fog.npy',
    'data/rainy/rain.npy',
)  # fmt: skip
REPORT = (
    'mmct report benchmarks/cifar10/scorecards/bn.json benchmarks/cifar10/scorecards/ct.json '
    "--baseline 'BN alone' -o report.html"
)


class Line(NamedTuple):
    """A command of a page: its words, and whether the page says that it needs more."""

    page: str
    words: tuple[str, ...]
    marked: bool

    def __str__(self):
        return f'{self.page}: {shlex.join(self.words)}'


def blocks(page: str, language: str) -> list[str]:
    text = (ROOT / page).read_text(encoding='utf-8')
    return re.findall(rf'^ *```{language}\n(.*?)^ *```', text, re.DOTALL | re.MULTILINE)


def lines(page: str) -> Iterator[Line]:
    for block in blocks(page, 'bash'):
        marked = False
        for line in block.replace('\\\n', ' ').splitlines():
            if line.lstrip().startswith('#'):
                # For the lines below it, in the same block.
                marked = marked or bool(NEEDS.search(line))
                continue
            words = [w for w in shlex.split(line, comments=True) if not re.match(r'[A-Z_]+=', w)]
            for chained, command in groupby(words, lambda word: word in ('&&', '|')):
                if not chained:
                    yield Line(page, (*command,), marked or bool(NEEDS.search(line)))


def of_ours(words: tuple[str, ...]) -> list[str] | None:
    """What ``mmct`` would be given, whichever way a command of ours is started."""
    for number, word in enumerate(words):
        if Path(word).parent.name == 'tools':
            return [SCRIPTS[Path(word).name], *words[number + 1 :]]
    if words[0] == 'mmct':
        return list(words[1:])
    if words[:3] == ('mim', 'run', 'mmct'):
        return list(words[3:])
    if words[0] == 'mim' and words[2:3] == ('mmct',) and words[1] in ('train', 'test'):
        # mim takes the name of a config that we ship, and the checkpoint as an option.
        rest = [word for word in words[4:] if word != '--checkpoint']
        return [words[1], f'mmct::{words[3]}', *rest]
    return None


def plain(words: list[str]) -> list[str]:
    """Without the dots and brackets of a placeholder."""
    return [word.strip('[') for word in words if word not in ('...', '...]')]


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
    """A user's folder: the checkout is there, and the files that the pages show."""
    folder = tmp_path_factory.mktemp('user')
    for name in ('configs', 'tools'):
        (folder / name).symlink_to(ROOT / name)
    # Results that come with the repository, with fewer images.
    for file in (ROOT / 'benchmarks' / 'cifar10' / 'scorecards').glob('*.json'):
        name = json.loads(file.read_text())['name']
        write_json(folder / file.relative_to(ROOT), scorecards.make(name))
    for page in GUIDES:
        for block in blocks(page, 'python'):
            if match := re.match(r'# (\w+\.py)\b', block):
                assert not (folder / match[1]).exists(), f'{page}: {match[1]} is shown twice'
                (folder / match[1]).write_text(block)
    return folder


@pytest.fixture
def inside(folder, monkeypatch):
    """Run in that folder, and forget what is imported and registered there."""
    modules = set(sys.modules)
    monkeypatch.setattr('mmct.corruptions.registry._KNOWN', {})
    monkeypatch.chdir(folder)
    monkeypatch.setattr(sys, 'path', list(sys.path))
    yield folder
    for name in set(sys.modules) - modules:
        if (folder / f'{name}.py').exists():
            del sys.modules[name]


@pytest.fixture
def read(monkeypatch):
    """Read a command's options as the command does, and do nothing."""
    found = []

    def keep(prog, work, args, *rest):
        found.append((work.__module__.rpartition('.')[2], args))
        return 0

    monkeypatch.setattr('mmct.cli.running.run_tool', keep)

    def options(line):
        found.clear()
        try:
            assert main(plain(of_ours(line.words))) == 0, f'{line} is refused'
        except SystemExit:
            pytest.fail(f'{line} is refused')
        return found[0] if found else (None, None)

    return options


def fits(command: str, args, line: Line) -> set[str]:
    """Put the options into the config, as the command would; the data sets that it is left with."""
    if command == 'study' and 'studies' in args.config:
        # Thousands of arms take seconds; tests/studies/test_shipped_studies.py reads them.
        assert Path(args.config).is_file(), line
        return set()
    cfg = load_config(args.config)
    if command == 'train':
        merge_into_training(cfg, args)
    elif command == 'test':
        # Its content plays no part yet.
        args.checkpoint = 'any.pth'
        torch.save(dict(state_dict={}), args.checkpoint)
        merge_into_test(cfg, args)
    else:
        merge_cfg_options(cfg, args)
    found = set()
    for name in ('train_dataloader', 'val_dataloader', 'test_dataloader'):
        part = cfg.get(name) or {}
        while 'dataset' in part:
            part = part['dataset']
        found |= {part['type']} if 'type' in part else set()
    return found


@pytest.mark.parametrize('page', PAGES)
def test_each_command_is_one_that_its_config_takes(page, inside, read):
    for line in lines(page):
        if of_ours(line.words) is None:
            check_other(line)
            continue
        command, args = read(line)
        for file in args.results if command == 'report' else ():
            assert not file.startswith('benchmarks/') or (ROOT / file).is_file(), line
        config = getattr(args, 'config', None)
        # A reader's own config, which a guide shows.
        own = not re.match(r'configs/|\w+::', config or '') and page not in GUIDES
        data = set()
        if config is not None and not own and not PLACEHOLDER.fullmatch(Path(config).name):
            data = fits(command, args, line)
        if page in GUIDES:
            check_mark(line, command, args, data)


def check_other(line: Line) -> None:
    """A script of ours exists and has the options; an extra exists; guides use few programs."""
    assert line.page not in GUIDES or line.words[0] in OTHERS, f'{line}: what is it?'
    for number, word in enumerate(line.words[1:], 1):
        if word.startswith('benchmarks/') and line.words[0] == 'python':
            path = ROOT / word
            text = (path / '__main__.py' if path.is_dir() else path).read_text()
            named = [option for option in line.words[number + 1 :] if option.startswith('--')]
            assert all(f"'{option}'" in text for option in named), line
        for extra in re.findall(r'\[([\w,]+)\]', word) if line.words[0] in ('pip', 'mim') else ():
            assert all(f"'{name}':" in (ROOT / 'setup.py').read_text() for name in extra.split(','))


def check_mark(line: Line, command: str, args, data: set[str]) -> None:
    """What runs with mmct alone is not marked, and what needs more is."""
    asked = [
        line.words[0] in ('torchrun', 'srun'),
        getattr(args, 'executor', None) == 'ray',
        getattr(args, 'download', False),
        data - {'Digits'},
        command in ('score', 'diagnose') and any('/' in word for word in line.words[2:4]),
        command == 'study' and '/studies/' in args.config,
    ]
    assert line.marked == any(asked), f'{line}: say what it needs, in a comment above: # needs ...'


def test_a_command_that_is_wrong_is_found(tmp_path, inside, read):
    def line(text):
        return Line('page.md', tuple(shlex.split(text)), False)

    for text in ('mmct train CONFIG --metod augmix', 'mmct reprot a.json',
                 'python tools/test.py CONFIG', 'torchrun tools/train.py CONFIG --launcher torch',
                 'mim test mmct NAME.py --chekpoint FILE'):  # fmt: skip
        with pytest.raises((AssertionError, pytest.fail.Exception), match='is refused'):
            read(line(text))
    for text in ('mmct train configs/ct_resnet18.py', 'mmct test mmct::ct_digits.py a.pth',
                 'mmct train configs/ct_resnet18_digits.py --method augmixx',
                 'mmct train configs/bn_resnet18_digits.py --teacher t.pth'):  # fmt: skip
        wrong = line(text)
        with pytest.raises((FileNotFoundError, RuntimeError)):
            fits(*read(wrong), wrong)
    with pytest.raises(AssertionError):
        check_other(line('python benchmarks/step.py --teacherz'))


def run(text: str, *small: str) -> None:
    """Run a command that a page shows, with further options."""
    shown = [line for page in GUIDES for line in lines(page)]
    words = shlex.split(text)
    assert [line.marked for line in shown if line.words == (*words,)] == [False], text
    checkpoint = 'work_dirs/bn_resnet18_digits/epoch_10.pth'
    words = [checkpoint if word == 'CHECKPOINT' else word for word in words]
    with isolated():
        assert main([*words[1:], *small]) == 0


def test_commands_of_the_docs_run(inside):
    for text, small in RUN.items():
        run(text, *small)
        for checkpoint in inside.glob('work_dirs/*/epoch_1.pth'):
            checkpoint.rename(checkpoint.with_name('epoch_10.pth'))
    assert all((inside / name).stat().st_size for name in MADE)


@pytest.mark.slow
def test_a_report_of_the_docs_is_made(inside):
    run(REPORT)
    assert (inside / 'report.html').stat().st_size
    assert (inside / 'report_dumbbell.png').stat().st_size


def registered(name: str) -> type | None:
    registries = [
        value
        for module in (mmpretrain.registry, mmengine.registry)
        for value in vars(module).values()
        if isinstance(value, mmengine.registry.Registry)
    ]
    for classes in registries:
        if found := classes.get(name):
            return found
    for parts in (SCORES, TABLES, FIGURES):
        parts.import_from_location()
        if name in parts.module_dict:
            return parts.module_dict[name]
    return None


def check_part(call: ast.Call, where: str, own: Collection[str] = ()) -> None:
    """A ``dict(type='Name', ...)`` names a class, and settings that it has, or one of the page."""
    names = {word.arg: word.value for word in call.keywords}
    kind = names.pop('type', None)
    if not isinstance(kind, ast.Constant) or kind.value in own:
        return
    found = registered(kind.value)
    assert found is not None, f'{where}: there is no {kind.value}'
    known = signature(found).parameters
    if 'recipe' in known:
        known = {*known, *(field.name for field in fields(TeacherRecipe))}
    elif any(one.kind is Parameter.VAR_KEYWORD for one in known.values()):
        return
    # A data set of a loader and a hook are also given what their builders take away.
    assert {*names} - {*known, '_delete_', 'priority'} == set(), f'{where}: {ast.unparse(call)}'


def check_names(node: ast.AST, where: str) -> None:
    """What is imported from mmct is there."""
    if isinstance(node, ast.ImportFrom) and (node.module or '').split('.')[0] == 'mmct':
        module = import_module(node.module)
        missing = [name.name for name in node.names if not hasattr(module, name.name)]
        assert not missing, f'{where}: {node.module} has no {missing}'
    if isinstance(node, ast.Attribute):
        path = ast.unparse(node)
        if re.fullmatch(r'mmct(\.\w+)+', path):
            value = import_module('mmct')
            for name in path.split('.')[1:]:
                value = getattr(value, name)


@pytest.mark.parametrize('page', [page for page in PAGES if blocks(page, 'python')])
def test_python_of_the_docs_names_what_there_is(page):
    text = '\n'.join(blocks(page, 'python'))
    for node in ast.walk(ast.parse(text)):
        check_names(node, page)
        if isinstance(node, ast.Call) and ast.unparse(node.func) == 'dict':
            check_part(node, page, own=re.findall(r'^class (\w+)', text, re.MULTILINE))


def test_a_wrong_name_is_found():
    for text in ("dict(type='NoBNTeacherHok')", "dict(type='NoBNTeacherHook', lenght=2)",
                 "dict(type='AugMix', view=3)", 'from mmct.corruptions import corupt'):  # fmt: skip
        node = ast.parse(text).body[0]
        with pytest.raises(AssertionError):
            check_part(node.value, '') if isinstance(node, ast.Expr) else check_names(node, '')


def test_python_of_the_guides_runs(inside, monkeypatch):
    # Of all corruptions and severities it takes minutes.
    small = partial(mmct.diagnose, corruptions=['fog'], severities=[3])
    monkeypatch.setattr('mmct.scoring.diagnose', small)
    monkeypatch.syspath_prepend(inside)
    rng = np.random.default_rng(0)
    for page in GUIDES:
        # What a reader has: a network, and images with labels.
        given = dict(
            images=rng.integers(0, 256, (60, 8, 8, 3), np.uint8),
            labels=np.arange(60) % 3,
            network=small_network(),
            other_network=small_network(),
        )
        names = dict(given)
        for block in blocks(page, 'python'):
            if file := re.match(r'# (\w+\.py)\b', block):
                # Modules are imported by name, configs are read by mmengine.
                if '_base_' in block:
                    load_config(file[1])
                else:
                    import_module(file[1][:-3])
            elif re.search(r'^(import|from) mmct', block, re.MULTILINE):
                exec(compile(block, page, 'exec'), names)


def small_network() -> torch.nn.Module:
    from torch import nn

    network = nn.Sequential(
        nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(),
        nn.Linear(4, 3),
    )  # fmt: skip
    # As timm's networks say how they want their pixels.
    network.pretrained_cfg = dict(mean=(0.5,) * 3, std=(0.2,) * 3)
    return network


