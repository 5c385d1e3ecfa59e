"""Which room may import which, what `import mmct` costs, and what works without an mm stack."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import mmct

ROOT = Path(mmct.__file__).parent
# Each room may import those of the lines above.
ORDER = (
    ('corruptions', 'evaluation', 'report', 'theory', 'models'),
    ('runs',),
    ('datasets',),
    ('scoring',),
    ('teacher', 'methods', 'corruption_sets'),
    ('engine',),
    ('studies',),
    ('cli',),
)
ROOMS = [room for line in ORDER for room in line]
LIGHT = {'corruptions', 'evaluation', 'report', 'theory'}
# All rooms may import these files; they import nothing of ours.
FILES = {'messages', 'paths', 'stack', 'version'}
FRAMEWORK = {'torch', 'torchvision', 'mmengine', 'mmpretrain', 'mmcv'}
# What few need, or few calls of theirs: it is imported there.
HEAVY = {'jinja2', 'matplotlib', 'numba', 'pandas', 'pydantic', 'ray', 'scipy', 'sklearn'}


def imported(file):
    """Absolute names of the modules that a file imports."""
    package = ['mmct', *file.relative_to(ROOT).parts[:-1]]
    for node in ast.walk(ast.parse(file.read_text(encoding='utf-8'))):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            start = package[: len(package) - node.level + 1] if node.level else []
            module = '.'.join([*start, *([node.module] if node.module else [])])
            yield from (f'{module}.{name.name}' for name in node.names)


def test_all_rooms_are_in_the_order():
    assert {path.parent.name for path in ROOT.glob('*/__init__.py')} == set(ROOMS)


@pytest.mark.parametrize('room', ROOMS)
def test_rooms_import_what_they_may(room):
    line = next(number for number, rooms in enumerate(ORDER) if room in rooms)
    allowed = {room, *FILES, *(other for rooms in ORDER[:line] for other in rooms)}
    for file in (ROOT / room).rglob('*.py'):
        for name in imported(file):
            first, *rest = name.split('.')
            if first == 'mmct' and rest[0] in (*ROOMS, *FILES):
                assert rest[0] in allowed, f'{file} imports {name}'
            if room in LIGHT and file != ROOT / 'evaluation' / 'metrics.py':
                assert first not in FRAMEWORK, f'{file} imports {name}'


@pytest.mark.parametrize('file', FILES)
def test_the_files_of_all_import_nothing_of_ours(file):
    assert not [name for name in imported(ROOT / f'{file}.py') if name.startswith('mmct')]


def printed(program):
    done = subprocess.run(
        [sys.executable, '-c', program], cwd=ROOT.parent, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


WITHOUT_STACK = f"""
import pkgutil, sys
from importlib import import_module, metadata

class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.split('.')[0] in {FRAMEWORK}:
            raise ModuleNotFoundError(name)

sys.meta_path.insert(0, Missing())
version = metadata.version
def without(name):
    if name.removeprefix('onedl-').split('-')[0] in {FRAMEWORK}:
        raise metadata.PackageNotFoundError(name)
    return version(name)
metadata.version = without
import mmct
"""


def test_without_a_stack_all_that_needs_one_says_so_in_one_line():
    program = WITHOUT_STACK + (
        "for module in pkgutil.walk_packages(mmct.__path__, 'mmct.', onerror=lambda name: None):\n"
        '    try:\n'
        '        import_module(module.name)\n'
        '        print(module.name)\n'
        '    except mmct.stack.StackError as error:\n'
        "        print('StackError', error)\n"
    )
    lines = printed(program)
    refused = [line for line in lines if line.startswith('StackError')]
    assert refused
    for line in refused:
        assert line.endswith('mend it with: pip install "mmct[onedl]"')
    works = set(lines) - set(refused)
    assert {f'mmct.{room}' for room in LIGHT} < works
    assert {f'mmct.cli.{name}' for name in ('main', 'train', 'test', 'report', 'draw')} < works
    names = {line.split()[-7] for line in refused if 'and mmct.' in line} - works
    assert not works & names


def test_without_a_stack_the_light_rooms_work():
    program = WITHOUT_STACK + (
        'import numpy as np\n'
        'images = np.full((1, 32, 32, 3), 128, np.uint8)\n'
        "print(mmct.corruptions.corrupt(images, 'contrast', 3).shape)\n"
        'print(mmct.evaluation.expected_calibration_error(np.ones(4), np.ones(4, bool)))\n'
        'print(mmct.theory.Setting().features > 0, mmct.report.__name__)\n'
        'try:\n'
        '    mmct.models\n'
        'except ImportError as error:\n'
        '    print(error)\n'
    )
    lines = printed(program)
    assert lines[:3] == ['(1, 32, 32, 3)', '0.0', 'True mmct.report']
    assert lines[3].startswith('mmct: no mm stack is installed, and mmct.models needs one; ')


def test_import_mmct_registers_all_classes_of_ours_by_name():
    program = (
        'import sys\n'
        'import mmct\n'
        "print({'torch', 'mmengine'} & set(sys.modules))\n"
        'import mmpretrain.registry as registries\n'
        f'expected = {REGISTERED}\n'
        'for registry, names in expected.items():\n'
        '    for name in names.split():\n'
        '        assert getattr(registries, registry).get(name).__module__.startswith("mmct.")\n'
        '    own = getattr(registries, registry).module_dict.values()\n'
        '    assert len(names.split()) == sum(c.__module__.startswith("mmct.") for c in own)\n'
        "print('all')\n"
    )
    assert printed(program) == ['set()', 'all']


def test_registration_reaches_registries_that_were_looked_up_before():
    program = (
        'from mmpretrain.registry import MODELS\n'
        "MODELS.get('ResNet')\n"
        'import mmct\n'
        "print(MODELS.get('CTClassifier').__name__)\n"
        "from mmengine.registry import MODELS\n"
        "print(MODELS.get('mmpretrain.CTClassifier').__name__)\n"
    )
    assert printed(program) == ['CTClassifier', 'CTClassifier']


REGISTERED = dict(
    LOOPS='CorruptionTestLoop',
    HOOKS='AdversarialTrainingHook ChannelsLastHook NoBNTeacherHook NoBNTrainingHook '
    'RecalibrateBNHook ResumableCheckpointHook ScorecardHook',
    DATASETS='CIFAR100C CIFAR10C CIFAR10CBar CorruptedDataset CorruptionArrays CorruptionFolders '
    'Digits GeneratedCorruptions ImageNetC ImageNetCBar MultiDomain OfficeHome PACS '
    'TerraIncognita TinyImageNetC VLCS',
    DATA_SAMPLERS='DomainSampler',
    TRANSFORMS='AugMix Corrupt TorchvisionAutoAugment',
    MODELS='AllConvNet CORAL CTClassifier CTConsistencyLoss DenseNetCIFAR DomainClassifier GroupDRO '
    'IRM InterdomainMixup JensenShannonLoss MMD MultiViewDataPreprocessor NoNorm NormFreeBackbone '
    'NormFreeClassifier ResNeXtCIFAR WideResNet',
    METRICS='CorruptionError DomainAccuracy',
)


def test_what_registers_imports_no_heavy_library():
    program = (
        'import sys\n'
        'import mmpretrain.models, mmpretrain.datasets, mmpretrain.engine, mmpretrain.evaluation\n'
        'before = set(sys.modules)\n'
        'import mmct.registered\n'
        f'print(sorted({HEAVY} & (set(sys.modules) - before)))\n'
    )
    assert printed(program) == ['[]']


def test_options_are_read_without_torch():
    program = (
        'import sys\n'
        'from importlib import import_module\n'
        'from mmct.cli.main import COMMANDS\n'
        'for name in COMMANDS:\n'
        "    for argv in (['--help'], ['--no-such-option']):\n"
        '        try:\n'
        "            import_module(f'mmct.cli.{name}').main(argv)\n"
        '        except SystemExit as end:\n'
        '            assert end.code in (0, 2)\n'
        f'print(sorted({FRAMEWORK | HEAVY} & set(sys.modules)))\n'
    )
    assert printed(program)[-1] == '[]'
