"""Tests of what the wheel and the sdist hold."""

import runpy
import shutil
import subprocess
import sys
import tarfile
from collections import Counter
from email import message_from_bytes
from pathlib import Path, PurePosixPath
from zipfile import ZipFile

import pytest
import yaml
from mmengine.config import Config
from mmpretrain.registry import MODELS
from packaging.requirements import Requirement

from mmct import __version__
from mmct.models import CTClassifier
from mmct.zoo import ZOO

ROOT = Path(__file__).parents[1]
NOT_SOURCE = ('.*', '__pycache__', '*.egg-info', 'build', 'dist', 'data', 'work_dirs')
# What pip and build call, without a network or a second environment.
BUILD = 'import sys; from setuptools import build_meta as b; getattr(b, sys.argv[1])(sys.argv[2])'


def files(folder: Path) -> set[str]:
    return {p.relative_to(folder).as_posix() for p in folder.rglob('*') if p.is_file()}


def build(what: str, checkout: Path, target: Path) -> Path:
    target.mkdir()
    command = [sys.executable, '-c', BUILD, f'build_{what}', str(target)]
    subprocess.run(command, cwd=checkout, check=True, capture_output=True)
    (archive,) = target.iterdir()
    return archive


def copy_checkout(target: Path) -> Path:
    """Copy the checkout, and add the litter of earlier work to the copy."""
    shutil.copytree(ROOT, target, ignore=shutil.ignore_patterns(*NOT_SOURCE))
    for litter in (
        'configs/__pycache__/x.pyc',
        'tools/__pycache__/x.pyc',
        'build/lib/mmct/.mim/configs/deleted.py',
    ):
        (target / litter).parent.mkdir(parents=True, exist_ok=True)
        (target / litter).touch()
    return target


@pytest.fixture(scope='module')
def checkout(tmp_path_factory):
    return copy_checkout(tmp_path_factory.mktemp('copy') / 'mmct')


@pytest.fixture(scope='module')
def wheel(checkout, tmp_path_factory):
    with ZipFile(build('wheel', checkout, tmp_path_factory.mktemp('dist') / 'wheel')) as archive:
        yield archive


@pytest.fixture(scope='module')
def metadata(wheel):
    return message_from_bytes(wheel.read(f'mmct-{__version__}.dist-info/METADATA'))


def test_mim_holds_configs_tools_and_index(wheel):
    packed = {n[len('mmct/.mim/') :] for n in wheel.namelist() if n.startswith('mmct/.mim/')}
    expected = {
        f'{folder}/{name}'
        for folder in ('configs', 'tools')
        for name in files(ROOT / folder)
        if '__pycache__' not in name
    }
    assert packed == expected | {'model-index.yml'}


def test_wheel_holds_the_package_and_nothing_else(wheel):
    modules = {
        f'mmct/{name}'
        for name in files(ROOT / 'mmct')
        if PurePosixPath(name).suffix in ('.py', '.j2', '.json')
    }
    rest = set(wheel.namelist()) - modules
    assert modules <= set(wheel.namelist())
    assert {n for n in rest if not n.startswith(('mmct/.mim/', 'mmct-'))} == set()


def test_build_writes_nothing_beside_its_own_folders(tmp_path):
    checkout = copy_checkout(tmp_path / 'mmct')
    before = files(checkout)
    build('wheel', checkout, tmp_path / 'wheel')
    new = files(checkout) - before
    assert {n for n in new if not n.startswith(('build/', 'mmct.egg-info/'))} == set()


def test_sdist_builds_the_same_wheel(checkout, wheel, tmp_path):
    with tarfile.open(build('sdist', checkout, tmp_path / 'sdist')) as archive:
        archive.extractall(tmp_path)
    unpacked = tmp_path / f'mmct-{__version__}'
    with ZipFile(build('wheel', unpacked, tmp_path / 'wheel')) as again:
        assert set(again.namelist()) == set(wheel.namelist())
    assert {'tests/test_packaging.py', 'CHANGELOG.md', 'LICENSE'} <= files(unpacked)
    assert not [name for name in files(unpacked) if '__pycache__' in name]


def test_metadata_asks_for_torch_and_a_stack_only_in_extras(metadata):
    assert metadata['Name'] == 'mmct'
    assert metadata['Version'] == __version__
    requirements = [Requirement(line) for line in metadata.get_all('Requires-Dist')]
    plain = {r.name for r in requirements if r.marker is None}
    assert plain == {
        'filelock', 'imagecorruptions-imaug', 'jinja2', 'matplotlib', 'numba', 'numpy',
        'opencv-python', 'packaging', 'pandas', 'pillow', 'pydantic', 'rich', 'scipy', 'tabulate',
    }  # fmt: skip
    for stack in ('onedl', 'openmmlab'):
        extra = {r.name for r in requirements if r.marker and r.marker.evaluate({'extra': stack})}
        assert extra > {'torch', 'torchvision', 'scikit-learn', 'safetensors'}
    assert set(metadata.get_all('Provides-Extra')) == {
        'torch', 'onedl', 'openmmlab', 'ray', 'trackers', 'tests', 'docs', 'dev'
    }  # fmt: skip


def test_the_command_is_installed(wheel):
    entries = wheel.read(f'mmct-{__version__}.dist-info/entry_points.txt').decode()
    assert entries.split() == ['[console_scripts]', 'mmct', '=', 'mmct.cli.main:main']


def test_names_of_configs_are_unique_in_the_package(wheel):
    # `mim train mmct NAME.py` looks for the name in all of the package.
    paths = [PurePosixPath(name) for name in wheel.namelist()]
    times = Counter(path.name for path in paths)
    configs = [
        path.name
        for path in paths
        if path.is_relative_to('mmct/.mim/configs')
        and path.suffix == '.py'
        and '_base_' not in path.parts
    ]
    assert configs
    assert {name for name in configs if times[name] > 1} == set()


def entries():
    """The models of the index, by name."""
    index = yaml.safe_load((ROOT / 'model-index.yml').read_text())
    found = {}
    for metafile in index['Import']:
        content = yaml.safe_load((ROOT / metafile).read_text())
        collections = {collection['Name'] for collection in content['Collections']}
        assert all(model['In Collection'] in collections for model in content['Models'])
        found |= {model['Name']: model for model in content['Models']}
    return found


def test_model_index_has_every_config_of_ct_and_the_zoo():
    families = ROOT / 'configs', ROOT / 'configs' / 'dg'
    packed = {path.stem for family in families for path in family.glob('ct_*.py')}
    assert set(entries()) == packed | set(ZOO)


@pytest.mark.parametrize('name', sorted(set(entries()) - set(ZOO)))
def test_an_entry_of_the_model_index_is_a_config_that_builds(name):
    file = ROOT / entries()[name]['Config']
    assert file.stem == name
    assert isinstance(MODELS.build(Config.fromfile(file).model), CTClassifier)


def test_the_metafile_of_the_zoo_is_what_its_index_says():
    script = runpy.run_path(str(ROOT / 'benchmarks' / 'make_zoo.py'))
    assert script['METAFILE'].read_text(encoding='utf-8') == script['metafile'](ZOO)
    for name, entry in ZOO.items():
        assert (ROOT / entries()[name]['Config']).name == entry.config


def test_mim_can_read_the_model_index():
    search = pytest.importorskip('mim.commands.search')
    index = search.load(str(ROOT / 'model-index.yml'))
    table = search.convert2df(index)
    assert set(table.index) == set(entries())
    assert table.loc['ct_resnet18_digits', 'config'] == 'configs/ct_resnet18_digits.py'
    assert table.loc['ct_resnet18_digits', 'model'] == 'counterbalancingteacher'
    assert table.loc['ct_resnet18_digits', 'paper'] == 'https://arxiv.org/abs/2207.01548'
    for name, entry in ZOO.items():
        assert table.loc[name, 'weight'].endswith(f'/{entry.weights.name}')
        accuracy = table.loc[name, f'{entry.data.lower()}/top_1_accuracy']
        assert accuracy == pytest.approx(100 - entry.metrics['clean_error_pct'], abs=0.01)
