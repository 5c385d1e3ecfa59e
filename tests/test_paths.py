"""Tests of mmct.paths."""

from pathlib import Path

import pytest

import mmct
from mmct import paths
from mmct.paths import config_path


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    """A checkout with two configs, which mmct.paths takes for its own."""
    for name in ('one_resnet.py', 'family/two_vgg.py', '_base_/part.py'):
        file = tmp_path / 'configs' / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()
    monkeypatch.setattr(paths, '__file__', str(tmp_path / 'mmct' / 'paths.py'))
    return tmp_path


def test_finds_a_real_config():
    path = Path(mmct.config_path('ct_resnet18_cifar10'))
    assert path.is_absolute()
    assert path.is_file()
    assert path.name == 'ct_resnet18_cifar10.py'


@pytest.mark.parametrize('name', ['two_vgg', 'two_vgg.py'])
def test_suffix_and_folder_are_optional(checkout, name):
    assert config_path(name) == str(checkout / 'configs' / 'family' / 'two_vgg.py')


def test_wheel_comes_before_checkout(checkout):
    packed = checkout / 'mmct' / '.mim' / 'configs' / 'one_resnet.py'
    packed.parent.mkdir(parents=True)
    packed.touch()
    assert config_path('one_resnet') == str(packed)


@pytest.mark.parametrize('name', ['one_resnt', 'part'])
def test_unknown_name_gives_the_nearest_in_one_line(checkout, name):
    with pytest.raises(FileNotFoundError) as error:
        config_path(name)
    message = str(error.value)
    assert repr(name) in message
    assert 'one_resnet' in message
    assert '\n' not in message


def test_nearest_comes_first(checkout):
    with pytest.raises(FileNotFoundError, match='nearest are: two_vgg, one_resnet$'):
        config_path('two_vg')
