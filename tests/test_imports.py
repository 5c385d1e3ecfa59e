"""What `import mmct` imports and registers, and what works without an mm stack."""

import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

from mmengine.registry import Registry

import mmct
from mmct.registration import add_location

ROOT = Path(mmct.__file__).parent
LIGHT = {'corruptions', 'evaluation', 'report', 'theory'}
FRAMEWORK = {'torch', 'torchvision', 'mmengine', 'mmpretrain', 'mmcv'}
# What few need, or few calls of theirs: it is imported there.
HEAVY = {'jinja2', 'matplotlib', 'numba', 'pandas', 'pydantic', 'ray', 'scipy', 'sklearn'}


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
        extra = 'torch' if 'needs torch' in line else 'onedl'
        assert line.endswith(f"fix it in a checkout of mmct with: pip install '.[{extra}]'")
    works = {line for line in lines if line.startswith('mmct.')}
    assert {f'mmct.{room}' for room in LIGHT} < works
    assert {f'mmct.cli.{name}' for name in ('main', 'train', 'test', 'report', 'draw')} < works


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
    assert lines[3].startswith('mmct: mmct.models needs an mm stack, which is not installed; ')


def test_without_a_stack_the_zoo_lists_and_fetches_and_says_what_loading_needs(tmp_path):
    program = WITHOUT_STACK + (
        'from mmct.cli.main import main\n'
        "assert main(['zoo']) == 0\n"
        f"assert main(['zoo', 'ct_resnet18w8_digits', '--download', {str(tmp_path)!r}]) == 0\n"
        'try:\n'
        "    mmct.load('ct_resnet18w8_digits')\n"
        'except ImportError as error:\n'
        '    print(error)\n'
        f'print(sorted({FRAMEWORK} & set(sys.modules)))\n'
    )
    *_, error, imported = printed(program)
    assert error.startswith('mmct: mmct.zoo.loading needs an mm stack, which is not installed; ')
    assert imported == '[]'
    assert len(list(tmp_path.iterdir())) == 3


REGISTERED = dict(
    LOOPS='CorruptionTestLoop',
    OPTIM_WRAPPERS='BFloat16OptimWrapper',
    HOOKS='AdaptiveClippingHook AdversarialTrainingHook BaselineHook ChannelsLastHook '
          'FreezeBNStatisticsHook '
    'NoBNTeacherHook NoBNTrainingHook RecalibrateBNHook ResumableCheckpointHook ScorecardHook',
    DATASETS='ArrayCorruptionSet CIFAR100C CIFAR10C CIFAR10CBar CorruptedDataset Digits '
    'FolderCorruptionSet GeneratedCorruptionSet ImageNet3DCC ImageNetC ImageNetCBar MultiDomain '
    'OfficeHome '
    'PACS TerraIncognita TinyImageNetC VLCS',
    DATA_SAMPLERS='DomainSampler',
    TRANSFORMS='AugMix Corrupt TorchvisionAutoAugment',
    MODELS='AdversarialDomainClassifier AllConvNet CORAL CTClassifier CTConsistencyLoss '
    'DenseNetCIFAR DomainClassifier GroupDRO IRM InterdomainMixup JensenShannonLoss MMD '
    'MultiViewDataPreprocessor NoNorm '
    'NormFreeBackbone NormFreeClassifier ResNetCIFAR ResNeXtCIFAR StandardisedClassifier VREx '
    'WideResNet',
    METRICS='CorruptionError DomainAccuracy',
)


def test_import_mmct_registers_all_of_ours_by_name_and_imports_no_heavy_library():
    program = (
        'import sys\n'
        'import mmct\n'
        "print({'torch', 'mmengine'} & set(sys.modules))\n"
        'from mmct.cli.import_noise import quiet_imports\n'
        'sys.stderr = sys.stdout\n'
        'with quiet_imports():\n'
        '    import mmpretrain.models, mmpretrain.datasets, mmpretrain.engine\n'
        '    import mmpretrain.evaluation\n'
        '    import mmct.cli.training\n'
        'import mmpretrain.registry as registries\n'
        'before = set(sys.modules)\n'
        f'for registry, names in {REGISTERED}.items():\n'
        '    registry = getattr(registries, registry)\n'
        '    for name in names.split():\n'
        '        assert registry.get(name).__module__.startswith("mmct."), name\n'
        '    known = registry.module_dict\n'
        '    own = [name for name in known if known[name].__module__.startswith("mmct.")]\n'
        '    assert sorted(own) == sorted(names.split()), own\n'
        f'print(sorted({HEAVY} & (set(sys.modules) - before)))\n'
    )
    # What an mm stack prints of itself when it is imported a command does not show.
    assert printed(program) == ['set()', '[]']


def test_a_registry_that_was_looked_up_before_looks_again(monkeypatch):
    registry = Registry('model', scope='mmpretrain', locations=['mmengine.registry'])
    registry.import_from_location()
    add_location(SimpleNamespace(MODELS=registry, other=1))
    monkeypatch.delitem(sys.modules, 'mmct.registered', raising=False)
    registry.import_from_location()
    assert 'mmct.registered' in sys.modules


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
